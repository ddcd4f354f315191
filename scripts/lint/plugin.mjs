import { direction } from './direction.mjs'

/** The house's own lint rules. oxlint loads this file (see `.oxlintrc.json`). */
export default { meta: { name: 'holdfast' }, rules: { direction } }
