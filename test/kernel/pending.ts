/** Cases in which we do not do yet what the kernel did, and why. A case that comes right must leave this list. */
export const PENDING: Readonly<Record<string, string>> = {};

/** Random experiments of the differential test (by seed) that still differ, and where. */
export const OPEN_SEEDS: Readonly<Record<number, string>> = {
  4: 'bridge',
  197: 'router: a UDP checksum over IPv6 that conntrack looked at, after a rule changed the header',
};
