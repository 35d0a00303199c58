/** Fields that may be left out: an absent one says "default", an undefined one nothing. @module */

/** `{ name: value }`, or nothing when there is no value. */
export const given = <K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };

/** Make something of a value that is there. */
export const map = <T, R>(value: T | undefined, make: (value: T) => R): R | undefined =>
  value === undefined ? undefined : make(value);
