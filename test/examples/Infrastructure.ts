import { NodeRedis } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer } from "effect"
import { Agent, RateLimiter, VoiceBackend } from "effect-voice"
import * as PostgresStore from "effect-voice/store/PostgresStore"
import * as RedisRateLimits from "effect-voice/store/RedisRateLimits"

// the application's own, which it uses elsewhere, too
const Sql = PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL"), maxConnections: Config.succeed(20) })
const Redis = NodeRedis.layerConfig({ url: Config.String("REDIS_URL") })

export const Backend = VoiceBackend.layerSttTts({
  agent: Agent.fromCallback((text) => Effect.succeed(`You said ${text}.`)),
  store: PostgresStore.layerClient().pipe(Layer.provide(Sql)),
  rateLimiter: RateLimiter.layer({ user: { limit: 10, window: "1m" } }).pipe(
    Layer.provide(RedisRateLimits.layerClient()),
    Layer.provide(Redis)
  )
})
