/**
 * What the sources say of the fields of options, for the declarations that users get.
 *
 * The JSDoc of options has a list, ``- `field`: text``; the JSON Schema of configs is made of it, too. An editor shows nothing of
 * that where a field is written. So the build puts the text of each field before it in the declarations.
 *
 * TypeScript 7 has no JavaScript API: the dev dependency `typescript-6` reads the files.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import ts from "typescript-6"

/**
 * The text of a field, and of the fields of its value, by their names in camel case.
 *
 * @category models
 * @since 0.1.0
 */
export interface Docs {
  readonly text?: string | undefined
  readonly fields: ReadonlyMap<string, Docs>
}

/**
 * A declaration file, and its source map.
 *
 * @category models
 * @since 0.1.0
 */
export interface Declarations {
  readonly text: string
  readonly map: string
}

const none: Docs = { fields: new Map() }

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

const LIST = /^- (`[\w.]+`(?:(?:,| and|, and) `[\w.]+`)*): ((?:.+\n)(?: {2}.+\n)*)/gm

/** The list in a comment: texts by paths, such as `tls.cert`. One text may be about several fields. */
const listOf = (comment: string): ReadonlyMap<string, string> =>
  new Map(
    Array.from(comment.replace(/^[ ]*\* ?/gm, "").matchAll(LIST)).flatMap(([, names = "", text = ""]) => {
      const flat = text.replace(/\s+/g, " ").trim()
      return Array.from(names.matchAll(/[\w.]+/g), ([path]) =>
        [
          camel(path),
          flat.slice(0, 1).toUpperCase() + flat.slice(1)
        ] as const).filter(([path]) => path !== "and")
    })
  )

const commentOf = (text: string, node: ts.Node): string => {
  const last = (ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []).at(-1)
  const comment = last === undefined ? "" : text.slice(last.pos, last.end)
  return comment.startsWith("/**") ? comment : ""
}

const parse = (file: string, text: string): ts.SourceFile =>
  ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)

const children = (node: ts.Node): ReadonlyArray<ts.Node> => {
  const found: Array<ts.Node> = []
  ts.forEachChild(node, (child) => void found.push(child))
  return found
}

const descendants = (node: ts.Node): ReadonlyArray<ts.Node> => [node, ...children(node).flatMap(descendants)]

const nameOf = (node: { readonly name?: ts.Node | undefined }): string | undefined =>
  node.name !== undefined && (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name)) ? node.name.text : undefined

interface Source {
  readonly constants: ReadonlyMap<string, { readonly comment: string; readonly value: ts.Expression | undefined }>
  /** Names of other files: the file, and the name there. */
  readonly imports: ReadonlyMap<string, readonly [file: string, name: string]>
}

/** Reads sources once, and follows the names of schemas from file to file. */
const makeReader = (read: (file: string) => string | undefined) => {
  const sources = new Map<string, Source>()
  const sourceOf = (file: string): Source => {
    const known = sources.get(file)
    if (known !== undefined) return known
    const text = read(file) ?? ""
    const constants = new Map<string, { readonly comment: string; readonly value: ts.Expression | undefined }>()
    const imports = new Map<string, readonly [string, string]>()
    for (const statement of parse(file, text).statements) {
      if (ts.isVariableStatement(statement)) {
        for (const declaration of statement.declarationList.declarations) {
          const name = nameOf(declaration)
          if (name === undefined) continue
          constants.set(name, { comment: commentOf(text, statement), value: declaration.initializer })
        }
      }
      if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue
      const path = statement.moduleSpecifier.text
      const names = statement.importClause?.namedBindings
      if (!path.startsWith(".") || names === undefined || !ts.isNamedImports(names)) continue
      for (const each of names.elements) {
        imports.set(each.name.text, [join(dirname(file), path), (each.propertyName ?? each.name).text])
      }
    }
    const source = { constants, imports }
    sources.set(file, source)
    return source
  }

  const known = new Map<string, Docs>()

  /** What a value says of its fields: by its own list, or by that of the schema that it names. */
  const docsOf = (file: string, name: string): Docs => {
    const key = `${file} ${name}`
    const former = known.get(key)
    if (former !== undefined) return former
    known.set(key, none) // for names that lead back to themselves
    const docs = find(file, name)
    known.set(key, docs)
    return docs
  }

  const find = (file: string, name: string): Docs => {
    const { constants, imports } = sourceOf(file)
    const from = imports.get(name)
    if (from !== undefined) return docsOf(from[0], from[1])
    const found = constants.get(name)
    if (found === undefined) return none
    const { comment, value } = found
    const list = listOf(comment)
    // a schema without a list of its own has the one of the schema that it is made of, as an array has its items'
    if (list.size === 0) return value === undefined ? none : docsIn(file, value)
    return treeOf(list, (field) => {
      const inner = value === undefined ? undefined : fieldOf(value, field)
      return inner === undefined ? none.fields : docsIn(file, inner).fields
    })
  }

  const docsIn = (file: string, value: ts.Expression): Docs => {
    for (const node of descendants(value)) {
      if (!ts.isIdentifier(node)) continue
      const docs = docsOf(file, node.text)
      if (docs.fields.size > 0) return docs
    }
    return none
  }

  /** The options of an engine's file: its exports are members of one value, whose types have the fields once more. */
  const optionsOf = (file: string): Docs => {
    const found = Array.from(sourceOf(file).constants.keys()).filter((name) => name.endsWith("Options"))
    return found.length === 1 ? docsOf(file, found[0] ?? "") : none
  }

  const isKnown = (file: string, name: string): boolean => sourceOf(file).constants.has(name)

  return { docsOf: (file: string, name: string): Docs => isKnown(file, name) ? docsOf(file, name) : optionsOf(file) }
}

/** What a struct has for a field. */
const fieldOf = (value: ts.Expression, field: string): ts.Expression | undefined => {
  for (const node of descendants(value)) {
    if (ts.isPropertyAssignment(node) && nameOf(node) === field && !ts.isStringLiteral(node.initializer)) {
      return node.initializer
    }
  }
  return undefined
}

/** A list as a tree, with what else is known of the fields of a field. */
const treeOf = (
  list: ReadonlyMap<string, string>,
  inner: (field: string) => ReadonlyMap<string, Docs>
): Docs => {
  const fields = new Map<string, Docs>()
  for (const path of list.keys()) {
    const [head = ""] = path.split(".")
    if (fields.has(head)) continue
    const under = new Map(
      Array.from(list).flatMap(([each, text]) =>
        each.startsWith(`${head}.`) ? [[each.slice(head.length + 1), text] as const] : []
      )
    )
    const own = treeOf(under, () => none.fields).fields
    fields.set(head, { text: list.get(head), fields: new Map([...inner(head), ...own]) })
  }
  return { fields }
}

/** The members that an editor shows nothing of, with what is known of them. */
const undescribed = (text: string, root: ts.Node, docs: Docs): ReadonlyArray<readonly [at: number, text: string]> => {
  if (ts.isPropertySignature(root) || ts.isMethodSignature(root)) {
    const own = docs.fields.get(camel(nameOf(root) ?? ""))
    if (own === undefined) return []
    const inner = root.type === undefined ? [] : undescribed(text, root.type, own)
    const start = root.getStart()
    const isAlone = /(?:^|\n)[ \t]*$/.test(text.slice(0, start))
    return own.text === undefined || commentOf(text, root) !== "" || !isAlone ? inner : [[start, own.text], ...inner]
  }
  return children(root).flatMap((child) => undescribed(text, child, docs))
}

/** Comments on lines of their own, and as many lines more in the map, which has one piece for each line. */
const insert = (
  { map, text }: Declarations,
  comments: ReadonlyArray<readonly [at: number, text: string]>
): Declarations => {
  if (comments.length === 0) return { map, text }
  const lines = text.split("\n")
  const parsed = JSON.parse(map) as { mappings: string }
  const mappings = parsed.mappings.split(";")
  const byLine = comments.map(([at, comment]) => [text.slice(0, at).split("\n").length - 1, comment] as const)
  for (const [line, comment] of byLine.toSorted(([one], [other]) => other - one)) {
    const indent = /^\s*/.exec(lines[line] ?? "")?.[0] ?? ""
    lines.splice(line, 0, `${indent}/** ${comment.replaceAll("*/", "*\\/")} */`)
    mappings.splice(line, 0, "")
  }
  return { text: lines.join("\n"), map: JSON.stringify({ ...parsed, mappings: mappings.join(";") }) }
}

/**
 * Describes declarations: each field of options that its source describes has the description before it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeDescriber = (
  read: (file: string) => string | undefined = (file) => {
    try {
      return readFileSync(file, "utf8")
    } catch {
      return undefined
    }
  }
): (source: string, declarations: Declarations) => Declarations => {
  const reader = makeReader(read)
  return (source, declarations) => {
    const { text } = declarations
    if (!text.includes("- `")) return declarations
    const comments = parse("declarations.d.ts", text).statements.flatMap((statement) => {
      if (ts.isVariableStatement(statement)) {
        return statement.declarationList.declarations.flatMap((declaration) => {
          const name = nameOf(declaration)
          return name === undefined || declaration.type === undefined
            ? []
            : undescribed(text, declaration.type, reader.docsOf(source, name))
        })
      }
      if (ts.isInterfaceDeclaration(statement)) {
        const docs = treeOf(listOf(commentOf(text, statement)), () => none.fields)
        return statement.members.flatMap((member) => undescribed(text, member, docs))
      }
      if (ts.isTypeAliasDeclaration(statement)) {
        return undescribed(text, statement.type, treeOf(listOf(commentOf(text, statement)), () => none.fields))
      }
      return []
    })
    return insert(declarations, comments)
  }
}
