/**
 * The files of a model's folder, and finding those that a kind of model needs, by the names that published models use.
 *
 * @since 0.1.0
 */
import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { ModelFault } from "./ModelFault.ts"

/**
 * A folder with the names of its regular files, links to files included, and of its folders.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelFolder {
  readonly path: string
  readonly files: ReadonlyArray<string>
  readonly folders: ReadonlyArray<string>
}

/** More is no folder of one model. */
const MAX_ENTRIES = 2_000

/**
 * Reads a folder. Throws `ModelFault` when it cannot be read.
 *
 * @category reading
 * @since 0.1.0
 */
export const read = (path: string): ModelFolder => {
  const files: Array<string> = []
  const folders: Array<string> = []
  let names: ReadonlyArray<string>
  try {
    names = readdirSync(path).sort()
  } catch (cause) {
    throw new ModelFault(`the folder ${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  if (names.length > MAX_ENTRIES) throw new ModelFault(`the folder ${path} has more than ${MAX_ENTRIES} files`)
  for (const name of names) {
    try {
      const info = statSync(join(path, name))
      if (info.isFile()) files.push(name)
      else if (info.isDirectory()) folders.push(name)
    } catch {
      // a link to nothing is not there
    }
  }
  return { path, files, folders }
}

/**
 * The names of the files that a config states, by their part in the model (`encoder`, `tokens`), where a folder has several
 * that may be meant.
 *
 * @category models
 * @since 0.1.0
 */
export type StatedFiles = Readonly<Record<string, string>>

const isSmall = (name: string): boolean => /[.-]int8\b/.test(name)

/**
 * The file that is one part of a model: the stated one, else the only one whose name fits, int8 before other precisions.
 * `undefined` when there is none. Throws `ModelFault` for several.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = (
  { files, path }: ModelFolder,
  part: string,
  pattern: RegExp,
  stated: StatedFiles
): string | undefined => {
  const chosen = stated[part]
  if (chosen !== undefined) {
    if (!files.includes(chosen)) {
      throw new ModelFault(`the folder ${path} has no file ${chosen}, which files.${part} states`)
    }
    return join(path, chosen)
  }
  const fitting = files.filter((name) => pattern.test(name))
  const small = fitting.filter(isSmall)
  const candidates = small.length > 0 ? small : fitting
  if (candidates.length > 1) {
    throw new ModelFault(
      `the folder ${path} has several files that may be the ${part} (${
        candidates.slice(0, 5).join(", ")
      }): say which with files.${part}`
    )
  }
  return candidates[0] === undefined ? undefined : join(path, candidates[0])
}
