/**
 * Finds the tool that a model means by a name. Pure.
 *
 * @since 0.1.0
 */

const plain = (name: string): string => name.toLowerCase().replace(/[-_\s]/gu, "")

/** What models and their servers put around a name: control tokens, a number, parentheses. */
const around = /^[\s"'`]+|(?:<[|｜].*|:\d+|\(\s*\)|[\s"'`])+$/gsu

/**
 * The known name that is meant: the same, one behind a namespace (`functions.weather`), or the only one that differs in case
 * and hyphens alone. `undefined` when there is none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = (told: string, names: ReadonlyArray<string>): string | undefined => {
  if (names.includes(told)) return told
  const name = told.slice(0, 256).replace(around, "")
  const inner = name.split(/[.:/]/u).at(-1) ?? ""
  for (const each of [name, inner]) {
    if (names.includes(each)) return each
    const alike = each === "" ? [] : names.filter((known) => plain(known) === plain(each))
    if (alike.length === 1) return alike[0]
  }
  return undefined
}
