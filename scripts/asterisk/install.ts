/**
 * Unpacks Debian sid's newest Asterisk, sipp and baresip into the cache: `npm run asterisk:install`. It needs root, apt-get and
 * a mirror of Debian in the machine's own apt sources; apt checks the signatures against Debian's archive keyring. Nothing is
 * installed: outside the cache nothing changes.
 *
 * @since 0.1.0
 */
import { execFileSync, spawnSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"
import { directory, installed, isRoot, packages, versionFile } from "./Chroot.ts"

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

/** Dependencies that none of the programs loads here: interpreters, key management, sounds, SNMP. */
const unused = /^(?:perl|libperl|python3|libpython3|gnupg|gpg|dirmngr|asterisk-core-sounds|libsnmp|libc-gconv|passwd_)/u

const unusedFolders = ["doc", "man", "locale", "info", "lintian", "bash-completion", "icons"]

/** More than any of these packages has. */
const MAX_TAR_BYTES = 512 * 1024 * 1024

/** What is tried at the end: each loads its libraries. */
const programs = [["asterisk", "-V"], ["sipp", "-v"], ["baresip", "-h"]] as const

/** How long one program may take, with a slow mirror. */
const TIMEOUT_MS = 600_000

const read = (command: string, args: ReadonlyArray<string>): string =>
  execFileSync(command, args, { encoding: "utf8", timeout: TIMEOUT_MS, stdio: ["ignore", "pipe", "ignore"] })

const has = (command: string): boolean => spawnSync(command, ["--version"], { stdio: "ignore" }).error === undefined

/** The mirror that the machine takes Debian itself from. */
const findMirror = (): string | undefined =>
  read("apt-get", ["indextargets", "--format", "$(REPO_URI)"]).split("\n").find((uri) => /\/debian\/?$/u.test(uri))

/**
 * How the machine reaches its mirror (proxies, time-outs), without its hooks, which change the machine, and without what would
 * relax the checks.
 */
const aptConfig = (root: string): string =>
  [
    ...read("apt-config", ["dump", "Acquire"]).split("\n").filter((line) =>
      /^Acquire::(?!IndexTargets|Languages|Allow)\S+ "./u.test(line)
    ),
    `Dir "${root}";`,
    `Dir::State::status "${join(root, "status")}";`,
    `Dir::Etc::netrc "/etc/apt/auth.conf";`,
    `Dir::Etc::netrcparts "/etc/apt/auth.conf.d";`,
    `Acquire::Languages "none";`,
    `Acquire::AllowInsecureRepositories "false";`,
    `APT::Get::AllowUnauthenticated "false";`,
    `APT::Update::Error-Mode "any";`,
    `APT::Install-Recommends "false";`,
    // its own user may not write into the cache of root
    `APT::Sandbox::User "root";`
  ].join("\n")

const download = (root: string, mirror: string): string => {
  for (const each of ["etc/apt/apt.conf.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"]) {
    mkdirSync(join(root, each), { recursive: true })
  }
  // nothing is installed: the download is whole
  writeFileSync(join(root, "status"), "")
  writeFileSync(join(root, "etc/apt/sources.list"), `deb [signed-by=${keyring}] ${mirror} sid main\n`)
  const config = join(root, "apt.conf")
  writeFileSync(config, aptConfig(root), { mode: 0o600 })
  const apt = (...args: ReadonlyArray<string>) => {
    const { error, status, stderr } = spawnSync("apt-get", ["-qq", "-y", ...args], {
      encoding: "utf8",
      timeout: TIMEOUT_MS,
      stdio: ["ignore", "ignore", "pipe"],
      // it is read first, so that the machine's own configuration is not
      env: { ...process.env, APT_CONFIG: config, LC_ALL: "C" }
    })
    if (status !== 0) {
      const lines = (error?.message ?? stderr).split("\n")
      throw new Error(lines.find((line) => line.startsWith("E:")) ?? lines[0] ?? "apt-get failed")
    }
  }
  apt("update")
  apt("--download-only", "install", ...packages)
  return join(root, "var/cache/apt/archives")
}

const unpack = (archives: string, root: string): ReadonlyArray<string> => {
  for (const each of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(root, "usr", each), { recursive: true })
    symlinkSync(`usr/${each}`, join(root, each))
  }
  const excluded = unusedFolders.map((each) => `--exclude=./usr/share/${each}`)
  const versions: Array<string> = []
  for (const file of readdirSync(archives).filter((each) => each.endsWith(".deb")).toSorted()) {
    if (unused.test(file)) continue
    const path = join(archives, file)
    const input = execFileSync("dpkg-deb", ["--fsys-tarfile", path], { maxBuffer: MAX_TAR_BYTES, timeout: TIMEOUT_MS })
    execFileSync("tar", ["-x", "-C", root, "--keep-directory-symlink", ...excluded], {
      input,
      stdio: ["pipe", "ignore", "inherit"],
      timeout: TIMEOUT_MS
    })
    const [name = "", version = ""] = file.split("_")
    if (packages.includes(name)) versions.push(`${name} ${decodeURIComponent(version)}`)
  }
  return versions
}

const devices = (root: string): void => {
  for (const each of ["dev", "tmp"]) mkdirSync(join(root, each), { recursive: true })
  execFileSync("mknod", ["-m", "666", join(root, "dev/null"), "c", "1", "3"])
  execFileSync("mknod", ["-m", "666", join(root, "dev/urandom"), "c", "1", "9"])
}

const install = (): string | undefined => {
  if (installed() !== undefined) return undefined
  if (!isRoot) return "Asterisk runs in a chroot, which needs root: run npm run asterisk:install as root"
  for (const each of ["apt-get", "dpkg-deb", "tar", "chroot"]) {
    if (!has(each)) return `Asterisk comes from Debian's packages, and there is no ${each} here`
  }
  if (!existsSync(keyring)) return `Debian's signatures cannot be checked: apt-get install debian-archive-keyring`
  const mirror = findMirror()
  if (mirror === undefined) return "the apt sources of this machine name no mirror of Debian"
  mkdirSync(dirname(directory), { recursive: true })
  // made beside its place, so that a half-made one is never found there
  const building = mkdtempSync(`${directory}.building-`)
  const root = join(building, "root")
  try {
    const archives = download(join(building, "apt"), mirror)
    const versions = unpack(archives, root)
    devices(root)
    for (const [program, option] of programs) {
      // that is how the loader ends when a library is missing; baresip ends with an error after its help, too
      if (spawnSync("chroot", [root, program, option], { stdio: "ignore", timeout: TIMEOUT_MS }).status === 127) {
        throw new Error(`a library of ${program} is missing`)
      }
    }
    writeFileSync(join(root, versionFile), `${versions.join("\n")}\n`)
    rmSync(directory, { recursive: true, force: true })
    renameSync(root, directory)
  } catch (cause) {
    return `Asterisk could not be installed from ${mirror} (Debian sid): ${
      cause instanceof Error ? cause.message.split("\n")[0] : String(cause)
    }`
  } finally {
    rmSync(building, { recursive: true, force: true })
  }
  return undefined
}

const started = performance.now()
const failure = install()
if (failure === undefined) {
  process.stderr.write(
    `There after ${((performance.now() - started) / 1000).toFixed(0)} s: ${installed()?.replaceAll("\n", ", ")}\n`
  )
  process.stdout.write(`${directory}\n`)
} else {
  process.stderr.write(`${failure}\n`)
  process.exitCode = 1
}
