/** Labs: namespaces wired together from a plain description. @module */
export type { LabNamespace } from './build.ts';
export { type Entry, type FrameListener, Lab, type LabOptions } from './lab.ts';
export { LabError } from './shape.ts';
export { type LabSource, labSource, readCase, type SourceText } from './source.ts';
export * from './topology.ts';
