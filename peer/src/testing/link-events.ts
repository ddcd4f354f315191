export { LinkEvents } from '../links/link-events.js'
