/** Cases in which we do not do yet what the kernel did, and why. A case that comes right must leave this list. */
export const PENDING: Readonly<Record<string, string>> = {};
