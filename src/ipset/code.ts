/**
 * What a set answers: a test's result, or why a command failed. Numbers, because packets ask, too; the words for them are
 * here. include/uapi/linux/netfilter/ipset/ip_set.h and lib/errcode.c of ipset. @module
 */

/** Results of a test. An element that says nomatch answers NOMATCH. */
export const NOT_FOUND = 0;
export const FOUND = 1;
export const NOMATCH = -39;

/** Done. */
export const OK = 0;
/** The element must be completed by the packet's own fields (bitmap:ip,mac). */
export const INCOMPLETE = -11;
/** The packet has no such fields, or the element may not be so. */
export const INVALID = -22;
/** The bucket has no room: the table must grow first. Packets do not let it grow. */
export const NO_ROOM = -12;
export const MISMATCH = -4102;
export const EXIST = -4103;
export const INVALID_CIDR = -4104;
export const BAD_PROTOCOL = -4105;
export const FULL = -4352;
export const NULL_ELEMENT = -4353;
export const WHOLE_RANGE = -4355;
export const OUT_OF_RANGE = -4356;
export const NO_SET = -4357;
export const LOOP = -4358;
export const NO_REFERENCE_SET = -4359;
export const NOT_IN_LIST = -4360;

const TEXT: ReadonlyMap<number, string> = new Map([
  [INVALID, 'an element that the set does not take'],
  [MISMATCH, 'an element of another family'],
  [INVALID_CIDR, 'a prefix length that the set does not take'],
  [BAD_PROTOCOL, 'protocol 0'],
  [FULL, 'one element too many'],
  [NULL_ELEMENT, 'an address of zeros, which the set does not hold'],
  [WHOLE_RANGE, 'a range of all addresses'],
  [OUT_OF_RANGE, 'an element outside the range of the set'],
  [NO_SET, 'a set that does not exist'],
  [LOOP, 'a list of sets in a list of sets'],
  [NO_REFERENCE_SET, 'before or after a set that does not exist'],
  [NOT_IN_LIST, 'before or after a set that has no such place in the list'],
]);

/** What was found, in words. */
export const describeCode = (code: number): string => TEXT.get(code) ?? `error ${code}`;
