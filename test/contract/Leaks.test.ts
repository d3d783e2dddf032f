import { describe, it } from "@effect/vitest"
import * as Leaks from "./Leaks.ts"

describe("200 sessions that come, talk and go (P6)", () => {
  it("leave nothing", async () => Leaks.check(await Leaks.run(200)))
})
