/** LAB of the command line: a case directory or a YAML file, and the texts beside or inside it. @module */
import { dirname, join } from 'node:path';
import { LabError } from '../lab/shape.ts';
import { isNamespaceText, type LabSource, labSource, splitTexts } from '../lab/source.ts';
import { YamlText } from '../manifest/lab-yaml.ts';
import { ParseError } from '../netfilter/parse-error.ts';
import { InputError } from './failure.ts';
import { exists, isDirectory, listFiles, readText } from './files.ts';

/** A lab's files, read; errors about them are told with their line and column. */
export class LabFiles {
  readonly source: LabSource;
  /** The capture beside the description, if there is one. */
  readonly capture: string | undefined;
  private readonly file: string;
  private readonly text: string;
  /** Texts that stand inside the description: the name they go by, and their path. */
  private readonly inline: ReadonlyMap<string, readonly string[]>;

  /** @throws {InputError} for files that cannot be read; {LabError} or {YamlError} for what is wrong in them */
  constructor(path: string) {
    if (!exists(path))
      throw new InputError(`${path}: no such file or directory, expected a case directory or a YAML file`);
    const file = isDirectory(path) ? join(path, 'topology.json') : path;
    this.file = file;
    this.text = readText(file);
    const folder = dirname(file);
    const prefix = folder === '.' && !file.startsWith('./') ? '' : `${folder}/`;
    this.capture = ['in.pcapng', 'in.pcap'].map((name) => join(folder, name)).find(exists);
    const { description, texts } = splitTexts(parseJson(this.text) ?? this.positions().value);
    this.inline = new Map([...texts].map(([name, { path }]) => [prefix + name, path]));
    this.source = this.explain(() => {
      const beside = textsBeside(description, folder, file !== path);
      const inside = [...texts].map(([name, { text }]) => [name, text] as const);
      return labSource(description, file, new Map([...beside, ...inside]), prefix);
    });
  }

  /** Do something with the lab; an error about its files gets the position in them. */
  explain<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof LabError && error.file === this.file && error.path !== '') {
        const { file, line, column } = this.positions().locate(error.path);
        throw new InputError(`${file}:${line}:${column}: ${error.path}: ${error.detail}`);
      }
      if (error instanceof ParseError) throw this.inFile(error);
      throw error;
    }
  }

  /** The description with its positions: read again, for errors only. JSON is YAML. */
  private positions(): YamlText {
    return new YamlText(this.text, this.file);
  }

  /** An error in a text that stands inside the description, where it stands in the file. */
  private inFile(error: ParseError): Error {
    const path = this.inline.get(error.at.file);
    if (path === undefined) return error;
    const { file, line, column } = this.positions().locateInside(path, error.at.line, error.at.column);
    const detail = error.message.slice(`${error.at.file}:${error.at.line}:${error.at.column}: `.length);
    return new InputError(`${file}:${line}:${column}: ${detail}`);
  }
}

/** The fast way, for what is JSON; undefined for what is not. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Texts in a folder, by name. A case directory's all belong to the case; beside a YAML file only those of its namespaces do.
 */
function textsBeside(description: unknown, folder: string, isCase: boolean): Map<string, string> {
  const namespaces = (description as { namespaces?: object } | null)?.namespaces ?? {};
  const ours = (name: string): boolean => isCase || Object.hasOwn(namespaces, name.slice(0, name.lastIndexOf('.')));
  const names = listFiles(folder).filter((name) => isNamespaceText(name) && ours(name));
  return new Map(names.map((name) => [name, readText(join(folder, name))]));
}
