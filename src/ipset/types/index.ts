/** The hash types by name. @module */
import { hashIp } from './hash-ip.ts';
import { hashIpMac } from './hash-ipmac.ts';
import { hashIpMark } from './hash-ipmark.ts';
import { hashIpPort } from './hash-ipport.ts';
import { hashIpPortIp } from './hash-ipportip.ts';
import { hashIpPortNet } from './hash-ipportnet.ts';
import { hashMac } from './hash-mac.ts';
import { hashNet } from './hash-net.ts';
import { hashNetIface } from './hash-netiface.ts';
import { hashNetNet } from './hash-netnet.ts';
import { hashNetPort } from './hash-netport.ts';
import { hashNetPortNet } from './hash-netportnet.ts';
import type { HashType } from './hash-type.ts';

export const HASH_TYPES: ReadonlyMap<string, HashType> = new Map(
  [
    hashIp,
    hashIpMark,
    hashIpMac,
    hashIpPort,
    hashIpPortIp,
    hashIpPortNet,
    hashMac,
    hashNet,
    hashNetIface,
    hashNetNet,
    hashNetPort,
    hashNetPortNet,
  ].map((type) => [type.name, type]),
);
