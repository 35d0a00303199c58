/** Columns that grow: a typed array again, longer. @module */

/** A column of a table. */
export type Column = Int32Array | Uint32Array | Float64Array | Uint16Array | Uint8Array;

/** A longer copy of a column; what is new is 0. */
export function resized<C extends Column>(column: C, length: number): C {
  const longer = new (column.constructor as new (length: number) => C)(length);
  longer.set(column);
  return longer;
}
