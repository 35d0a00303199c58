/** Names of DSCP values, RFC 2474, 2597, 3246: libxt_dscp's helper of iptables. @module */
import type { Given } from './extension.ts';

const CLASSES: Readonly<Record<string, number>> = {
  CS0: 0x00,
  CS1: 0x08,
  CS2: 0x10,
  CS3: 0x18,
  CS4: 0x20,
  CS5: 0x28,
  CS6: 0x30,
  CS7: 0x38,
  BE: 0x00,
  AF11: 0x0a,
  AF12: 0x0c,
  AF13: 0x0e,
  AF21: 0x12,
  AF22: 0x14,
  AF23: 0x16,
  AF31: 0x1a,
  AF32: 0x1c,
  AF33: 0x1e,
  AF41: 0x22,
  AF42: 0x24,
  AF43: 0x26,
  EF: 0x2e,
};

/** The value of a class name in any case. @throws {ParseError} */
export const dscpClass = (given: Given, option: string): number =>
  CLASSES[given.text(option).toUpperCase()] ??
  given.fail(`${given.text(option)}, expected a DSCP class (CS0-CS7, BE, AF11-AF43, EF)`, option);

/** As iptables-save prints a value. */
export const formatDscp = (value: number): string => `0x${value.toString(16).padStart(2, '0')}`;
