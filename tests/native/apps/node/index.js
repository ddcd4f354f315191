/** An app that took the entry of another platform. */
import { nodeStore } from '@holdfast/client/node'

globalThis.app = nodeStore
