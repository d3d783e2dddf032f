/** Loaded before the command line (`--import`): the process is of the next release, whose snapshots have another version. */
import { registerHooks } from "node:module"

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context)
    if (!url.endsWith("/SnapshotVersions.ts")) return loaded
    const source = String(loaded.source)
    // the new version differs in nothing but its number
    const next = source.replace("= [fromVersion1]", "= [fromVersion1, (head) => head]")
    if (next === source) throw new Error("the migrations of snapshots are not where they were")
    return { ...loaded, source: next }
  }
})
