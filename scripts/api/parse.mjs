// Reads the exported declarations of a TypeScript file with their doc comments, as the house writes
// them: formatted, one member a line or more, comments in front. No compiler is needed for that.

/**
 * @typedef {{ signature: string, doc: string }} Member
 * @typedef {{ kind: string, name: string, doc: string, signature: string, members: Member[] }} Item
 */

/** @returns {Item[]} */
export function parseExports(text) {
  const lines = text.split('\n')
  const items = []
  eachWithDoc(lines, (line, at, doc) => {
    const head = /^export (?:async )?(interface|type|class|function) (\w+)/.exec(line)
    if (head === null) return at
    const end = endOf(lines, at, head[1])
    items.push(itemOf(head[1], head[2], doc, lines.slice(at, end + 1)))
    return end
  })
  return items
}

/** Calls `visit` for each line of code, with the comment before it; it gives the last line it took. */
function eachWithDoc(lines, visit) {
  let doc = ''
  for (let at = 0; at < lines.length; at++) {
    const comment = readComment(lines, at)
    if (comment !== undefined) {
      doc = comment.doc
      at = comment.end
    } else if (lines[at].trim() !== '') {
      at = visit(lines[at], at, doc)
      doc = ''
    }
  }
}

function itemOf(kind, name, doc, lines) {
  if (kind === 'function') {
    return { kind, name, doc, signature: signatureOfFunction(lines), members: [] }
  }
  if (kind === 'type') {
    const signature = lines.map((line) => line.trim()).join(' ')
    const members = alternativesOf(lines)
    return { kind, name, doc, signature: members.length > 0 ? '' : signature, members }
  }
  return {
    kind,
    name,
    doc,
    signature: '',
    members: membersOf(lines.slice(1, -1), kind, / extends Error\b/.test(lines[0])),
  }
}

/** Of an interface, or the public ones of a class. */
function membersOf(lines, kind, isError) {
  const members = []
  eachWithDoc(lines, (line, at, doc) => {
    const end = endOfMember(lines, at)
    const first = line.trim()
    const name = first.replace(/^(?:readonly |override |static |async |get |set )*/, '')
    const isHidden = /^(?:[#_]|\/\/|constructor\b)/.test(name) || first.startsWith('override ')
    // Inside a class's methods nothing is a member.
    if (/^ {2}\S/.test(line) && !isHidden && !first.startsWith('}')) {
      const signature = bare(lines.slice(at, end + 1), kind)
      if (signature !== '') members.push({ signature, doc })
    } else if (first.startsWith('constructor') && !isError) {
      members.push({ signature: bare(lines.slice(at, end + 1), kind), doc })
    }
    return end
  })
  return members
}

function alternativesOf(lines) {
  const members = []
  eachWithDoc(lines.slice(1), (line, at, doc) => {
    const alternative = /^ {2}\| ('[^']*')/.exec(line)
    if (alternative !== null && doc !== '') members.push({ signature: alternative[1], doc })
    return at
  })
  return members
}

/** The text of a doc comment that begins in this line. */
function readComment(lines, at) {
  if (!lines[at].trim().startsWith('/**')) return undefined
  let end = at
  while (end < lines.length && !lines[end].includes('*/')) end++
  const doc = lines
    .slice(at, end + 1)
    .map((line) =>
      line
        .trim()
        .replace(/^\/\*\*\s?/, '')
        .replace(/\s*\*\/$/, '')
        .replace(/^\*\s?/, ''),
    )
    .join('\n')
    .trim()
  return { doc, end }
}

function endOf(lines, at, kind) {
  let end = at
  if (kind === 'type') {
    // A type ends where the next line begins in the first column, or is empty.
    while (end + 1 < lines.length && /^\s+\S|^\}/.test(lines[end + 1])) end++
    return end
  }
  while (end < lines.length && !(lines[end].startsWith('}') || lines[end].endsWith(' {}'))) end++
  return end
}

/** A member goes on while brackets are open, or its body is. */
function endOfMember(lines, at) {
  let depth = 0
  for (let end = at; end < lines.length; end++) {
    for (const letter of lines[end].replace(/'[^']*'/g, '').replace(/=>/g, '')) {
      if ('({[<'.includes(letter)) depth++
      if (')}]>'.includes(letter)) depth--
    }
    if (depth <= 0) return end
  }
  return lines.length - 1
}

/** A member without its body and its initial value. */
function bare(lines, kind) {
  const text = lines.map((line) => line.trim()).join(' ')
  if (kind === 'interface') return tidy(text)
  const body = text.search(/\) \{|: [^(){}]+ \{ | \{$/)
  const cut = /^(.*?(?:\)|\w|>|\])(?:: [^{}]*?)?) \{.*$/.exec(text.replace(/ = \{\}(?=[,)])/g, ''))
  return tidy(body === -1 || cut === null ? text.replace(/ = .*$/, '') : cut[1])
}

function signatureOfFunction(lines) {
  const text = []
  for (const line of lines) {
    text.push(line.trim())
    if (line.endsWith('{') || lines[text.length]?.startsWith('export ')) break
  }
  return tidy(
    text
      .join(' ')
      .replace(/^export (async )?/, '')
      .replace(/ \{$/, ''),
  )
}

function tidy(signature) {
  return signature
    .replace(/^readonly /, '')
    .replace(/\breadonly (?=\w+\??:)/g, '')
    .replace(/\( /g, '(')
    .replace(/,? \)/g, ')')
    .replace(/\s+/g, ' ')
}
