//! Ownership of the checkpoint, as `engine/claim.rs` keeps it.

use pollinator::poll::Memory;

use super::climate::SECOND;
use super::peers::StoreTrouble;
use super::process::Break;
use super::world::World;

/// `SAVE_EVERY` of the engine.
const SAVE_EVERY: i64 = 10 * SECOND;
/// `ATTEMPTS` of the engine.
const ATTEMPTS: usize = 3;

#[derive(Debug)]
pub(super) struct Claim {
    pub(super) memory: Memory,
    revision: u64,
    nonces: Vec<String>,
    saved_at: i64,
    /// When the store was last seen to have what this process wrote.
    owned_at: i64,
}

impl Claim {
    pub(super) fn take(world: &mut World, process: &str) -> Result<Self, Break> {
        let (stored, revision) = world.store.load();
        let nonces = stored.iter().map(|checkpoint| checkpoint.nonce.clone()).collect();
        let mut claim = Self {
            memory: Memory::new(stored, world.our_clock()),
            revision,
            nonces,
            saved_at: world.now,
            owned_at: world.now,
        };
        claim.memory.checkpoint.owner = process.to_owned();
        let claimed = claim.save(world);
        world.facts.claim_failed |= claimed == Err(Break::StoreAway);
        claimed.map(|()| claim)
    }

    pub(super) fn save_changes(&mut self, world: &mut World) -> Result<(), Break> {
        if self.memory.needs_saving() {
            self.save(world)
        } else {
            Ok(())
        }
    }

    pub(super) fn save_now_and_then(&mut self, world: &mut World) -> Result<(), Break> {
        if world.now - self.saved_at < SAVE_EVERY {
            return Ok(());
        }
        match self.save_changes(world) {
            Err(Break::StoreAway) => {
                self.saved_at = world.now;
                Ok(())
            }
            other => other,
        }
    }

    /// Before anything is sent, and while it is.
    pub(super) fn make_sure(&mut self, world: &World) -> Result<(), Break> {
        if world.now - self.owned_at < SAVE_EVERY.min(world.climate.lookback.max(SECOND)) {
            return Ok(());
        }
        match world.store.load().0 {
            Some(stored) if !self.nonces.contains(&stored.nonce) => Err(Break::TakenOver),
            Some(_) => {
                self.owned_at = world.now;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn save(&mut self, world: &mut World) -> Result<(), Break> {
        for _ in 0..ATTEMPTS {
            let nonce = world.new_nonce();
            self.memory.checkpoint.nonce.clone_from(&nonce);
            self.nonces.push(nonce.clone());
            world.moment()?;
            let written = world.store.save(&self.memory.checkpoint, self.revision);
            world.note_stored();
            world.moment()?;
            match written {
                Ok(revision) => {
                    self.written(world, revision, nonce);
                    return Ok(());
                }
                Err(StoreTrouble::Away) => return Err(Break::StoreAway),
                Err(StoreTrouble::Conflict) => match world.store.load() {
                    (Some(stored), revision) if stored.nonce == nonce => {
                        self.written(world, revision, nonce);
                        return Ok(());
                    }
                    (Some(stored), revision) if self.nonces.contains(&stored.nonce) => {
                        self.revision = revision
                    }
                    _ => return Err(Break::TakenOver),
                },
            }
        }
        Err(Break::StoreAway)
    }

    fn written(&mut self, world: &World, revision: u64, nonce: String) {
        self.revision = revision;
        self.nonces = vec![nonce];
        self.saved_at = world.now;
        self.owned_at = world.now;
        self.memory.saved();
    }
}
