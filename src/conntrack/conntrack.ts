/** Connection tracking of one namespace: net/netfilter/nf_conntrack_core.c. @module */
import type { Netns } from '../net/netns.ts';

export class Conntrack {
  readonly ns: Netns;

  constructor(ns: Netns) {
    this.ns = ns;
  }
}
