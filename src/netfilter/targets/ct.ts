/** `-j CT`: how the packet will be tracked, or that it will not be; net/netfilter/xt_CT.c. @module */
import { IP_CT_NEW, ZONE_DIR_BOTH, ZONE_DIR_ORIG, ZONE_DIR_REPL } from '../../conntrack/status.ts';
import { type Evaluation, type Given, type Target, XT_CONTINUE } from '../extension.ts';
import { boundedUint, oneOf } from '../number.ts';
import { quote } from '../words.ts';
import { untrack } from './notrack.ts';

const ZONE_OPTIONS = ['zone', 'zone-orig', 'zone-reply'] as const;

/** In the order of their bits, IPCT_*. */
const EVENTS = [
  'new',
  'related',
  'destroy',
  'reply',
  'assured',
  'protoinfo',
  'helper',
  'mark',
  'natseqinfo',
  'secmark',
] as const;

export interface CtZone {
  readonly option: (typeof ZONE_OPTIONS)[number];
  readonly id: number | 'mark';
}

/** Helpers, timeout policies and event masks are kept as text: nothing here depends on them. */
export interface CtTarget {
  readonly notrack: boolean;
  readonly helper: string;
  readonly timeout: string;
  readonly ctevents: readonly string[];
  readonly expevents: readonly string[];
  readonly zone: CtZone | null;
}

function parseEvents(given: Given, option: string): readonly string[] {
  const names = given.text(option) === '' ? [] : given.text(option).split(',');
  const unknown = names.find((name) => !(EVENTS as readonly string[]).includes(name));
  if (unknown !== undefined) given.fail(`unknown event ${unknown}, expected some of ${EVENTS.join(',')}`, option);
  return EVENTS.filter((name) => names.includes(name));
}

function parseZone(given: Given): CtZone | null {
  const option = oneOf(given, ZONE_OPTIONS);
  if (option === undefined) return null;
  const text = given.text(option);
  if (text === 'mark') return { option, id: 'mark' };
  const id = boundedUint(text, 0xffff);
  if (id === undefined) return given.fail(`zone ${text}, expected 0 to 65535 or mark`, option);
  // Zone 0 is where packets are anyway, and is not printed.
  return id === 0 ? null : { option, id };
}

/** What a packet gets, made once per namespace. */
class TemplateCode {
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }
}

const DIRECTIONS = { zone: ZONE_DIR_BOTH, 'zone-orig': ZONE_DIR_ORIG, 'zone-reply': ZONE_DIR_REPL } as const;

function makeTemplate(zone: CtZone | null, scope: Evaluation): TemplateCode {
  return new TemplateCode(
    scope.conntrack.addTemplate({
      zone: zone === null || zone.id === 'mark' ? 0 : zone.id,
      zoneDir: zone === null ? ZONE_DIR_BOTH : DIRECTIONS[zone.option],
      zoneFromMark: zone?.id === 'mark',
    }),
  );
}

const NO_TEMPLATE = -1;

export const ct: Target<CtTarget> = {
  name: 'CT',
  tables: ['raw'],
  tracks: (options) => !options.notrack,
  options: [
    { name: 'notrack', words: 0 },
    { name: 'helper' },
    { name: 'timeout' },
    { name: 'ctevents' },
    { name: 'expevents' },
    ...ZONE_OPTIONS.map((name) => ({ name })),
  ],
  parse: (given) => ({
    notrack: given.has('notrack'),
    helper: given.text('helper'),
    timeout: given.text('timeout'),
    ctevents: parseEvents(given, 'ctevents'),
    expevents: parseEvents(given, 'expevents'),
    zone: parseZone(given),
  }),
  format({ notrack, helper, timeout, ctevents, expevents, zone }) {
    const words = [
      notrack ? '--notrack' : '',
      helper === '' ? '' : `--helper ${quote(helper)}`,
      timeout === '' ? '' : `--timeout ${quote(timeout)}`,
      ctevents.length === 0 ? '' : `--ctevents ${ctevents.join(',')}`,
      expevents.length === 0 ? '' : `--expevents ${expevents.join(',')}`,
      zone === null ? '' : `--${zone.option} ${zone.id}`,
    ];
    return words.filter((word) => word !== '').join(' ');
  },
  compile: ({ notrack, zone }, to) => [notrack ? NO_TEMPLATE : to.object((scope) => makeTemplate(zone, scope))],
  run(args, at, pkt, scope) {
    const object = args[at]!;
    if (object === NO_TEMPLATE) untrack(pkt);
    else if (pkt.ct === -1 && pkt.ctInfo === 0) {
      pkt.ct = (scope.objects[object] as TemplateCode).code;
      pkt.ctInfo = IP_CT_NEW;
    }
    return XT_CONTINUE;
  },
};
