/** Lines that begin with `#` look like headings. */
import type { Extension, Range } from '@codemirror/state'
import {
  Decoration,
  ViewPlugin,
  type DecorationSet,
  type EditorView,
  type ViewUpdate,
} from '@codemirror/view'

export const headings: Extension = ViewPlugin.define(
  (view) => ({
    lines: headingsIn(view),
    update({ docChanged, viewportChanged, view: changed }: ViewUpdate) {
      if (docChanged || viewportChanged) this.lines = headingsIn(changed)
    },
  }),
  { decorations: ({ lines }: { readonly lines: DecorationSet }) => lines },
)

const heading = Decoration.line({ class: 'heading' })

/** Of what is on the screen. */
function headingsIn({ state, visibleRanges }: EditorView): DecorationSet {
  const found: Range<Decoration>[] = []
  for (const { from, to } of visibleRanges) {
    for (let at = from; at <= to;) {
      const line = state.doc.lineAt(at)
      if (/^#{1,3} /.test(line.text)) found.push(heading.range(line.from))
      at = line.to + 1
    }
  }
  return Decoration.set(found)
}
