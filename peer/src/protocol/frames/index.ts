export { Joiner, type FrameContent, type JoinerOptions } from './joiner.js'
export { Splitter, type SplitterOptions } from './splitter.js'
