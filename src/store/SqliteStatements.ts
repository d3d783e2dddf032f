/**
 * The statements of the SQLite session store.
 *
 * @since 0.1.0
 */
import type { DatabaseSync } from "node:sqlite"

/**
 * Prepares them for an open file.
 *
 * @category constructors
 * @since 0.1.0
 */
export const prepare = (db: DatabaseSync) => ({
  create: db.prepare(
    "INSERT INTO sessions (id, owner, fence, until_ms, window_ms, head, items) VALUES (?, ?, 1, ?, ?, ?, 0) " +
      "ON CONFLICT DO NOTHING"
  ),
  restore: db.prepare(
    "INSERT OR REPLACE INTO sessions (id, owner, fence, until_ms, window_ms, head, items) VALUES (?, ?, ?, ?, ?, ?, ?)"
  ),
  write: db.prepare(
    "UPDATE sessions SET head = ?, items = ? WHERE id = ? AND fence = ? AND owner = ? AND items >= ?"
  ),
  count: db.prepare("SELECT count(*) AS count FROM items WHERE session = ? AND n < ?"),
  cut: db.prepare("DELETE FROM items WHERE session = ? AND n >= ?"),
  add: db.prepare("INSERT INTO items (session, n, json) VALUES (?, ?, ?)"),
  find: db.prepare("SELECT owner, fence, until_ms, window_ms, head, items FROM sessions WHERE id = ?"),
  items: db.prepare("SELECT n, json FROM items WHERE session = ? ORDER BY n"),
  claim: db.prepare("UPDATE sessions SET owner = ?, fence = fence + 1, until_ms = ? WHERE id = ?"),
  ownerEnd: db.prepare("SELECT until_ms FROM owners WHERE owner = ?"),
  renew: db.prepare(
    "INSERT INTO owners AS former (owner, since_ms, until_ms) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET " +
      "since_ms = CASE WHEN former.until_ms < excluded.since_ms THEN excluded.since_ms ELSE former.since_ms END, " +
      "until_ms = excluded.until_ms"
  ),
  endLease: db.prepare("DELETE FROM owners WHERE owner = ?"),
  upSince: db.prepare("SELECT min(since_ms) AS up FROM owners WHERE until_ms > ?"),
  findLost: db.prepare(
    "INSERT INTO owners (owner, since_ms, until_ms) SELECT DISTINCT owner, ?, ? FROM sessions " +
      "WHERE owner IS NOT NULL AND until_ms > ? AND NOT EXISTS " +
      "(SELECT 1 FROM owners WHERE owners.owner = sessions.owner)"
  ),
  forget: db.prepare(
    "DELETE FROM owners WHERE until_ms <= ? AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.owner = owners.owner)"
  ),
  owned: db.prepare(
    "SELECT id, fence, items, coalesce((SELECT max(n) FROM items WHERE session = id), -1) AS last " +
      "FROM sessions WHERE owner = ? AND head <> ''"
  ),
  releaseLease: db.prepare("UPDATE sessions SET owner = NULL, until_ms = ? WHERE id = ? AND fence = ? AND owner = ?"),
  release: db.prepare("UPDATE sessions SET owner = NULL, until_ms = ? WHERE owner = ?"),
  remove: db.prepare(
    "DELETE FROM sessions WHERE id = ? AND (fence < ? OR (fence = ? AND (owner = ? OR owner IS NULL)))"
  ),
  expired: db.prepare(
    "SELECT id, sessions.owner AS owner, coalesce(owners.until_ms, sessions.until_ms) AS ends, window_ms " +
      "FROM sessions LEFT JOIN owners ON owners.owner = sessions.owner " +
      "WHERE coalesce(owners.until_ms, sessions.until_ms) + window_ms <= ?"
  ),
  erase: db.prepare("DELETE FROM sessions WHERE id = ?"),
  keepSecret: db.prepare("INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING"),
  secret: db.prepare("SELECT value FROM secrets WHERE name = ?")
})

/**
 * @category models
 * @since 0.1.0
 */
export type Statements = ReturnType<typeof prepare>
