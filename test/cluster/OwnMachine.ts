/**
 * Loaded before the command line (`--import`): the process counts as running on a machine of its own, so that others cannot
 * see that it has exited, and wait for its lease.
 */
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"

const read = fs.readFileSync
const isBootId = (path: unknown) => path === "/proc/sys/kernel/random/boot_id"

Object.assign(fs, {
  readFileSync: (...args: Parameters<typeof read>) => isBootId(args[0]) ? `machine-${process.pid}` : read(...args)
})
syncBuiltinESMExports()
