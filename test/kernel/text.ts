/** Texts line by line. */

export const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** The first line that differs, or null. */
export function firstDifference(want: readonly string[], got: readonly string[]): string | null {
  for (let i = 0; i < Math.max(want.length, got.length); i++) {
    if (want[i] !== got[i]) return `line ${i + 1}\n  kernel ${want[i] ?? '(none)'}\n  ours   ${got[i] ?? '(none)'}`;
  }
  return null;
}

/** The first line that differs once both sides are put into one form and sorted, or null. */
export const sameAfter = (form: (line: string) => string, want: string, got: string): string | null =>
  firstDifference(lines(want).map(form).sort(), lines(got).map(form).sort());
