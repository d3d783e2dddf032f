/**
 * Writes package-lock.json afresh: `npm run lock`, after a change of dependencies.
 *
 * npm leaves two holes that this closes. With `node_modules` present it locks only the platform packages installed here,
 * so the lock is made in an empty directory; and a registry mirror that lacks an optional platform package of another
 * system leaves it out, after which `npm ci` refuses the lock everywhere. Those are entered by name and version.
 *
 * @since 0.1.0
 */
import { execFileSync } from "node:child_process"
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

interface Locked {
  version?: string
  cpu?: ReadonlyArray<string>
  dev?: true
  libc?: ReadonlyArray<string>
  license?: string
  optional?: true
  os?: ReadonlyArray<string>
  optionalDependencies?: Record<string, string>
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"]
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"]

/** What a platform package's name says of where it runs: `@x/linux-arm64-musl`. */
const platformOf = (name: string): Pick<Locked, "cpu" | "libc" | "os"> => {
  const words = name.split(/[/-]/)
  const os = systems.find((system) => words.includes(system))
  const cpu = processors.find((processor) => words.includes(processor))
  if (os === undefined || cpu === undefined) {
    throw new Error(`${name} is missing from the registry and its name does not say its platform`)
  }
  const libc = words.some((word) => word.startsWith("musl")) ? "musl" : words.includes("glibc") ? "glibc" : undefined
  return { os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }) }
}

const complete = (packages: Record<string, Locked>): Record<string, Locked> => {
  const all = { ...packages }
  for (const [path, parent] of Object.entries(packages)) {
    if (path === "") continue
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (Object.keys(all).some((key) => key === `node_modules/${name}` || key === `${path}/node_modules/${name}`)) {
        continue
      }
      const { cpu, libc, os } = platformOf(name)
      all[`node_modules/${name}`] = {
        version,
        ...(cpu === undefined ? {} : { cpu }),
        ...(parent.dev === true ? { dev: true } : {}),
        ...(libc === undefined ? {} : { libc }),
        ...(parent.license === undefined ? {} : { license: parent.license }),
        optional: true,
        ...(os === undefined ? {} : { os })
      }
    }
  }
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => a.localeCompare(b, "en")))
}

const directory = mkdtempSync(join(tmpdir(), "effect-voice-lock-"))
try {
  // The present lock goes along, so that what need not change stays as it is.
  for (const file of ["package.json", "package-lock.json", ".npmrc"]) {
    if (existsSync(file)) copyFileSync(file, join(directory, file))
  }
  const npm = process.platform === "win32" ? "npm.cmd" : "npm"
  execFileSync(npm, ["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: directory,
    stdio: ["ignore", "inherit", "inherit"]
  })
  const lock = JSON.parse(readFileSync(join(directory, "package-lock.json"), "utf8"))
  const packages = complete(lock.packages)
  const added = Object.keys(packages).length - Object.keys(lock.packages).length
  writeFileSync("package-lock.json", `${JSON.stringify({ ...lock, packages }, null, 2)}\n`)
  process.stdout.write(`${Object.keys(packages).length - 1} packages locked, ${added} of them by name only\n`)
} finally {
  rmSync(directory, { recursive: true })
}
