/** An app that took the entry of another platform. */
import { browserStore } from '@holdfast/client/browser'

globalThis.app = browserStore
