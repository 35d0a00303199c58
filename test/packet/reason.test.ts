import { describe, expect, it } from 'vitest';
import { REASONS, reason, reasonName } from '../../src/packet/reason.ts';

describe('drop reasons', () => {
  it('have the numbers of Linux 6.18', () => {
    expect(reason('NOT_DROPPED_YET')).toBe(0);
    expect(reason('NOT_SPECIFIED')).toBe(2);
    expect(reason('NETFILTER_DROP')).toBe(12);
    expect(reason('IP_CSUM')).toBe(14);
    expect(reason('NEIGH_FAILED')).toBe(58);
    expect(reason('VXLAN_VNI_NOT_FOUND')).toBe(110);
    expect(reason('BRIDGE_INGRESS_STP_STATE')).toBe(119);
    expect(REASONS).toBe(128);
  });
  it('have names', () => {
    for (let code = 0; code < REASONS; code++) expect(reason(reasonName(code))).toBe(code);
    expect(reasonName(REASONS)).toBe('NOT_SPECIFIED');
  });
});
