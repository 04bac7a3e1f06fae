//! With which checkpoint a resource begins: its own, that of the name it had before, or none.

use std::collections::BTreeSet;

use super::claim::Claim;
use super::{Engine, Instance, InstanceMemory, Notice, PollError};
use crate::api::RESET_TO;
use crate::config::{InitialSync, ResourceSettings};
use crate::element::{Definition, Listing};
use crate::poll::{Added, CarriedOver, Checkpoint, Memory, Origin, Rules};
use crate::store::{CheckpointStore, Revision, StoreError};

/// What the settings say that the checkpoint of a resource means.
pub(super) fn meaning(
    instance: &Instance,
    resource: &ResourceSettings,
    listing: &Listing,
    rules: &Rules,
) -> Origin {
    let settings = &instance.settings;
    Origin::new(
        &settings.element,
        settings.through_hub,
        listing.source(),
        resource,
        rules,
    )
}

/// The checkpoint of a resource that is configured no longer.
struct Left {
    name: String,
    checkpoint: Checkpoint,
    revision: Revision,
}

/// Whose checkpoint a resource without one goes on with.
enum Predecessor {
    /// The names are of others that are configured no longer.
    Nobody(Vec<String>),
    One(Box<Left>),
    /// Several could be meant, which is not guessed.
    Unclear(Vec<String>),
}

impl<S: CheckpointStore> Engine<S> {
    /// Claims the checkpoint of `resource`; where it has none, that of the resource that was renamed to it.
    pub(super) async fn claim(
        &self,
        instance: &Instance,
        resource: &ResourceSettings,
        definition: &Definition,
        origin: &Origin,
        memory: &mut InstanceMemory,
    ) -> Result<Claim, PollError> {
        let (store, owner, name) = (&*self.store, &instance.owner, &resource.name);
        let now = self.clock.now();
        let (stored, revision) = match store.load(owner, name).await? {
            Some((checkpoint, revision)) => (Some(checkpoint), revision),
            None => (None, None),
        };
        let nonces = stored.iter().map(|checkpoint| checkpoint.nonce.clone()).collect();
        let moved_to = stored.as_ref().and_then(|checkpoint| checkpoint.moved_to.clone());
        let begin = |memory| Claim::new(memory, revision, nonces, &self.process);
        if let Some(checkpoint) = stored.filter(|checkpoint| checkpoint.moved_to.is_none()) {
            let mut own = Memory::new(Some(checkpoint), now);
            own.adopt(origin, name);
            memory.goes_on = true;
            let mut claim = begin(own);
            // A kill, or a lost answer, may have come before it was told.
            claim.notice = claim.memory.added().map(Notice::from);
            claim.save(store, owner, name).await?;
            return Ok(claim);
        }
        let mut names = self.left_names(instance, memory).await?;
        // A name that comes back asks first who goes on with what was its own.
        names.extend(moved_to.filter(|name| !is_configured(instance, name)));
        let added = memory.goes_on || !names.is_empty();
        let left = (&names, &memory.disputed);
        let (unclear, others) = match self
            .predecessor(instance, resource, definition, origin, left)
            .await?
        {
            Predecessor::One(left) => {
                let mut own = Memory::new(Some(left.checkpoint.clone()), now);
                own.adopt(origin, name);
                let what = format!(
                    "it was {} before, and goes on with its cursor, so nothing is lost or told twice; its events have the \
                     new name, and ids by it",
                    left.name
                );
                own.carried_over(CarriedOver::new("ResourceRenamed", name, &what));
                let mut claim = begin(own);
                claim.save(store, owner, name).await?;
                self.leave(instance, name, *left).await;
                return Ok(claim);
            }
            Predecessor::Unclear(names) => (names, Vec::new()),
            Predecessor::Nobody(others) => (Vec::new(), others),
        };
        let mut claim = begin(Memory::new(None, now));
        claim.memory.adopt(origin, name);
        if added {
            let added = begins(instance, name, &unclear, &others);
            claim.notice = Some(Notice::from(&added));
            claim.memory.is_added(added);
        }
        claim.save(store, owner, name).await?;
        memory.disputed.extend(unclear);
        Ok(claim)
    }

    /// Names that have a checkpoint, as far as is known, and are configured no longer. Where another one has a
    /// checkpoint that is not claimed yet, the instance is no new one.
    async fn left_names(
        &self,
        instance: &Instance,
        memory: &mut InstanceMemory,
    ) -> Result<BTreeSet<String>, PollError> {
        let stored = self.store.names(&instance.owner).await?;
        let resources = &memory.resources;
        let claimed = |name: &String| {
            resources
                .get(name)
                .is_some_and(|resource| resource.claim.is_some())
        };
        memory.goes_on |= stored.iter().any(|name| !claimed(name));
        let mut names: BTreeSet<String> = stored.into_iter().collect();
        names.extend(memory.left.iter().cloned());
        names.retain(|name| !is_configured(instance, name));
        Ok(names)
    }

    async fn predecessor(
        &self,
        instance: &Instance,
        resource: &ResourceSettings,
        definition: &Definition,
        origin: &Origin,
        (names, disputed): (&BTreeSet<String>, &BTreeSet<String>),
    ) -> Result<Predecessor, PollError> {
        let (mut left, mut others) = (Vec::new(), Vec::new());
        let mut names: Vec<String> = names.iter().cloned().collect();
        let mut next = 0;
        while let Some(name) = names.get(next).cloned() {
            next += 1;
            let (checkpoint, revision) = match self.store.load(&instance.owner, &name).await {
                Ok(Some(found)) => found,
                Ok(None) | Err(StoreError::Corrupted { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            // Renamed more than once.
            names.extend(
                (checkpoint.moved_to.clone())
                    .filter(|to| !names.contains(to) && !is_configured(instance, to)),
            );
            let same = |of: &Origin| of.continues(origin);
            if checkpoint.moved_to.is_some() {
                continue;
            }
            if checkpoint.origin.as_ref().is_some_and(same) {
                left.push(Left {
                    name,
                    checkpoint,
                    revision,
                });
            } else {
                others.push(name);
            }
        }
        if left.is_empty() {
            return Ok(Predecessor::Nobody(others));
        }
        let rivals = self.rivals(instance, resource, definition, origin).await?;
        // Where several have one origin, the same url to the letter is no guess.
        let exact = |of: &Origin| of == origin;
        let by_letter = left.len() > 1 || !rivals.is_empty();
        let names: Vec<String> = left.iter().map(|left| left.name.clone()).collect();
        if by_letter {
            left.retain(|left| left.checkpoint.origin.as_ref().is_some_and(exact));
        }
        let one =
            left.len() == 1 && !disputed.contains(&left[0].name) && !(by_letter && rivals.iter().any(exact));
        Ok(match left.pop().filter(|_| one) {
            Some(left) => Predecessor::One(Box::new(left)),
            None => Predecessor::Unclear(names),
        })
    }

    /// Origins of the other resources without a checkpoint that could go on with the same one.
    async fn rivals(
        &self,
        instance: &Instance,
        resource: &ResourceSettings,
        definition: &Definition,
        origin: &Origin,
    ) -> Result<Vec<Origin>, PollError> {
        let mut rivals = Vec::new();
        for other in instance
            .settings
            .resources
            .iter()
            .filter(|other| other.name != resource.name)
        {
            let Ok(listing) = definition.listing(other) else {
                continue;
            };
            let rules = Rules::new(&instance.owner.uid, &instance.settings, other, listing.traits());
            let of_other = meaning(instance, other, &listing, &rules);
            if !of_other.continues(origin) {
                continue;
            }
            match self.store.load(&instance.owner, &other.name).await {
                Ok(Some((checkpoint, _))) if checkpoint.moved_to.is_none() => {}
                Ok(_) => rivals.push(of_other),
                // One that cannot be read is its own all the same.
                Err(StoreError::Corrupted { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(rivals)
    }

    /// Marks a checkpoint that `name` goes on with: if the old name comes back, it has nothing of its own any more.
    async fn leave(&self, instance: &Instance, name: &str, left: Left) {
        let mut checkpoint = left.checkpoint.moved(name);
        checkpoint.owner.clone_from(&self.process);
        checkpoint.nonce = uuid::Uuid::new_v4().simple().to_string();
        let marked = self
            .store
            .save(&instance.owner, &left.name, &checkpoint, &left.revision);
        if let Err(error) = marked.await {
            tracing::warn!(resource = %left.name, %error, "its checkpoint was taken over and is not marked so");
        }
    }
}

fn is_configured(instance: &Instance, name: &str) -> bool {
    let resources = &instance.settings.resources;
    resources.iter().any(|resource| resource.name == name)
}

impl From<&Added> for Notice {
    fn from(added: &Added) -> Self {
        Self {
            reason: "ResourceAdded",
            message: added.message.clone(),
            warning: added.doubtful,
        }
    }
}

/// A resource was added to an instance that is polled already: how it begins is said, so that no Backfill is silent.
fn begins(instance: &Instance, name: &str, unclear: &[String], left: &[String]) -> Added {
    let begins = match (&instance.reset_to, instance.settings.initial_sync) {
        (Some((value, _)), _) => {
            format!("at {value}, as {RESET_TO} says: everything changed since then is told")
        }
        (None, InitialSync::FromNow) => "as FromNow: only what changes from now on is told".to_owned(),
        (None, InitialSync::Baseline) => "as Baseline: what is there is learned in silence".to_owned(),
        (None, InitialSync::Backfill { since }) => {
            format!("as Backfill: everything changed since {since} is told")
        }
    };
    let doubt = if !unclear.is_empty() {
        format!(
            " (it may be {} under another name, but more than one resource could be, which is not guessed)",
            unclear.join(", ")
        )
    } else if !left.is_empty() {
        format!(
            " (it is not {} under another name, since its path, idField or dates are others)",
            left.join(", ")
        )
    } else {
        String::new()
    };
    Added::new(
        format!("resource {name} is new{doubt} and begins {begins}"),
        !doubt.is_empty(),
    )
}
