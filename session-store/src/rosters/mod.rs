//! Consistent indexes: one item for each value, its roster, has an entry for every session of the value.
//!
//! The roster of a value is an item of the same table with the key
//! `#<attribute>#<value>#<S, N or B>#<type>`, behind the type's key prefix; no session's key begins like
//! that. Its attribute `m` maps the handle of
//! each session to the time of its creation, and `expires_at` lets DynamoDB's TTL delete it a week
//! after the last of its sessions has ended, never before.
//!
//! # The invariant
//!
//! *Every live session whose id anyone knows is in the roster of its value.* The other way round
//! need not hold: a stale entry, one without a session, is removed by the next writer that meets it.
//!
//! Three kinds of write change who is in a roster:
//!
//! - `create` puts the session, then enters it, and only then gives the id away. Between the two
//!   the session is in no roster, but nobody knows its id. If the process dies there, nobody
//!   ever will, and the session expires by its idle timeout. Had the entry come first, a
//!   revocation could read it, find no session to delete, and take the entry out again before the
//!   put arrives: a live session in no roster.
//! - `delete`, and revoking, delete the session, then take its entry out. Between the two the entry
//!   is stale, which is harmless. The other order would leave a live session in no roster. The roster is deleted with
//!   its last entry, on condition that it has no other: its key has the value, which may name a person. To every write
//!   a roster that is not there is an empty one, as after TTL. A write that takes its roster for one that is kept longer
//!   has that as its condition, so that a roster which has begun again meanwhile gets an end that suffices.
//! - A write that moves a known session, to another value (`save`, `update`) or to another handle
//!   (`cycle_id`), is one transaction of the session and the rosters, on condition that the session still
//!   has the value. There is no intermediate state.
//!
//! # When an answer is lost
//!
//! - The put of a `create`: nobody knows whether the session is there. It is deleted, and another id
//!   is taken; the put is not sent again, because by then a revocation could have ended what the
//!   first one stored. A put that arrives even later leaves a session whose id nobody knows.
//! - Its entry: the same, and the entry is taken out as well, after the session. An entry that
//!   arrives even later is stale.
//! - A transaction: the SDK sends it again under the same token, so that it is carried out once. If
//!   the last answer is lost too, the session's own mark tells at the next attempt.
//! - The removal of an entry, after a delete: a stale entry stays.
//!
//! # The limit
//!
//! It is a condition of the write that enters: fewer entries than the limit, or this one is there
//! already (else a repetition would find the roster full of itself, and end an innocent session).
//! Since a session is in its roster before anyone knows its id, no more than that many live
//! sessions are known, however many log in at once.
//!
//! A full roster may be full of dead entries. Its sessions are read, those that expired are deleted
//! on condition that they have, and the entries without a session dropped. An absent session never
//! comes back, since no id is used twice, so its entry can be dropped whatever happens in between.
//! No entry is dropped for its age: a touch does not write the roster, so the age says nothing.
//! If all are alive, the policy decides. Evicting is one transaction: the oldest session is deleted
//! if it still has the value, its entry goes and the new one comes, on condition that the roster
//! has as many entries as were seen. So two evictions at once do not end two sessions to make room for
//! one. The oldest is the oldest of the roster as it was read: a session that entered since with an earlier
//! time of creation, by a slow clock or from another value, is not seen.
//!
//! With several rosters, those that can refuse come first, so that nothing ends for a session that is refused
//! in the end. Then sessions are evicted for all of them in one transaction: one that is the first to go in one
//! full roster makes room in the others that it is in.
//!
//! # Sessions with another value
//!
//! A session that was changed in a console, restored from a backup, or written by a program that does not know
//! the index can be live, and have another value than its entry says. If nobody dropped that entry, a full
//! roster would refuse every log-in as long as the session lives. So a writer that meets it drops it, in one
//! transaction with an update of the session that changes at most the note, and depends on its value: a session that
//! comes back to the value keeps its entry, or gets a new one.
//!
//! # Sessions that were never entered
//!
//! A program that does not know the index creates sessions, gives them another value or another handle. So each
//! session's item has a note for each of its rosters, bound to handle and value, which is written with the entry
//! (`item/roster_note.rs`). A touch or save of a session without it enters the session, in one transaction on
//! condition that it still has the value, and whatever the limit: it is no log-in, and the next one settles the
//! limit. The note goes where its entry is dropped although the session is live. It also says for which absolute
//! timeout the roster is kept, so that TTL does not delete a roster whose sessions a newer type lets live longer.
//!
//! # Earlier rosters
//!
//! At first, a roster had the key `#<attribute>#<value>`, for all session types and types of values. Whoever
//! begins a roster adopts the entries that are there, and those of the same digits as a text or number, if
//! the type of the field has changed. Lists and revocations read both, since an earlier program may still
//! enter sessions there. It does not see those that this one enters: after the last earlier program has
//! stopped, revoke once more what was revoked meanwhile.
//!
//! # Stale entries
//!
//! A session that expires leaves its entry, and a roster far from its limit would collect them for
//! years; each write to it is billed by its size. So one in eight writes that enter asks for a roster
//! of fewer than 64, if the limit is higher. If it is refused, the answer has the roster. If many of its
//! entries are older than the absolute timeout, the oldest are read, and those without a session dropped,
//! as above. Their age says where to look, and is never the reason.
//!
//! # Revoking
//!
//! 1. Read the roster. T0 is the newest time of creation in it.
//! 2. Delete each session of it, on condition that it still has the value.
//! 3. Take out the entries of those that are gone, and of those that have another value. The write returns
//!    what is left: every entry not younger than T0 is revoked too, from step 2, until there is none.
//!
//! The repetition is for what came in between without being new: a change of id keeps the time of
//! creation, so its new handle is met in the next round; so is a session that moved to the value. A
//! session that came back to the value before its entry was dropped is met again. The revocation takes
//! effect at its last write to the roster: a `create` that enters later survives it.
//!
//! # What stays open
//!
//! - An eviction whose response was lost can arrive after its session has been entered by a retry and has
//!   ended: it then ends a session needlessly.
//! - A delete of a revocation that arrives late, after its session had moved to another value and
//!   back, ends it needlessly.
//! - A session that was created by a program whose type had no consistent index on the attribute is in no roster
//!   until a touch, a save or a new id enters it, or a reindex. Until one has gone through the table, revocations
//!   and lists say that the index is not complete.
//!
//! # The requests of each operation
//!
//! `S(h)` is the item of the session with handle `h`, `R(u)` the roster of the value `u`. Every conditional
//! write returns the old item on failure.
//!
//! | operation | requests |
//! |---|---|
//! | `create` | `Put S(h)` if absent; `Update R(u) SET m.h` if it has `h` or is below the limit |
//! | first session of a value | `Update R(u) SET m = {h}` if there is no `m`: a `SET` into a missing map is a `ValidationException`, so this is a second request |
//! | first session of a value | before that, `BatchGet` of the earlier keys; if there are entries, `SET m` to them |
//! | full, with entries of another value | one transaction: `Update S(h)` if it has another value, changing at most the note; `REMOVE` the entries |
//! | full, with stale entries | `BatchGetItem` of the sessions; `Delete` those that expired, on condition that they have; `REMOVE` the stale entries; then `SET` again |
//! | full, evicting | one transaction: `Delete` the victims if they have the value, `SET m.h REMOVE m.victim` if `size(m)` is as seen |
//! | `delete` | `Delete S(h)`; `Update R(u) REMOVE m.h` if it has others; otherwise `Delete R(u)` if it has none but `h` |
//! | `revoke` | `BatchGet R(u)` and the earlier keys; `Delete` each session if it has the value; `REMOVE` the entries of those that are gone, returning the rest; if there is none, `Delete R(u)` if it has no entry |
//! | `cycle_id` | one transaction: `Delete S(old)` if live and unchanged, `Put S(new)`, `SET m.new REMOVE m.old` |
//! | `touch`, `save` of a session without its note | one transaction: `Update S(h)` if it has the value; `SET` in `R(u)` |
//! | `save` that changes the value | one transaction: `Update S(h)` if it has the old value; `REMOVE` from `R(old)`; `SET` in `R(new)` |
//!
//! # What breaks without each rule
//!
//! | rule dropped | what happens |
//! |---|---|
//! | session before entry | `revoke` reads the entry, deletes nothing, the put arrives, and `revoke` removes the entry: a live session in no roster |
//! | `revoke` repeats for what its last write returns | `cycle_id` moves `h` to `h'` after the roster was read: `h'` survives |
//! | delete only if it still has the value, and keep the refused entry | a save moves `h` from `u` to `v` while `u` is revoked: the session of `v` ends, or `h` is missing in the roster of `u` on its way back |
//! | a changing save depends on the old value | of two saves, `u` to `v` and `u` to none, `v` keeps a stale entry |
//! | "has `h`" in the condition of the limit | a repeated entry finds the roster full, and evicts an innocent session |
//! | drop stale entries first, evict in a transaction | stale entries refuse log-ins for hours; evictions at once end too many sessions |
//! | the note is bound to handle and value | a program that does not know the index gives the session another one, and it counts as entered |
//! | no entry is dropped for its age | a touch does not write the roster, so that a live session would lose its entry |
//! | a put of unknown outcome is never repeated | it brings back a session that was revoked in between |

mod enter;
mod insert;
mod leave;
mod members;
mod save;

pub(crate) use self::leave::Rosters;
pub(crate) use self::save::{Next, Saved, Saving};
