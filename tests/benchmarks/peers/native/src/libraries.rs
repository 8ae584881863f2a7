//! Each library behind one small interface: a text that is edited, saved, loaded and merged.

use crate::Edit;
use automerge::transaction::Transactable;
use automerge::ReadDoc;
use diamond_types::list::encoding::ENCODE_FULL;
use yrs::updates::decoder::Decode;
use yrs::{GetString, ReadTxn, Text, Transact};

pub trait Library: Sized {
    /// What one edit sends to others.
    type Update;
    fn new(replica: u64) -> Self;
    fn edit(&mut self, edit: &Edit);
    fn commit(&mut self);
    fn text(&self) -> String;
    fn save(&mut self) -> Vec<u8>;
    fn load(bytes: &[u8]) -> Self;
    /// One update for each transaction; nothing when the library has no such thing.
    fn updates(transactions: &[Vec<Edit>]) -> Option<Vec<Self::Update>>;
    fn merged(updates: &[Self::Update]) -> Self;
}

/// As Cargo.toml pins them.
pub fn version(library: &str) -> &'static str {
    match library {
        "automerge" => "0.12.0",
        "diamond-types" => "1.0.0",
        "yrs" => "0.28.1",
        _ => "1.17.1",
    }
}

// --------------------------------------------------------------------------------------- automerge

pub struct AutomergeText {
    doc: automerge::AutoCommit,
    text: automerge::ObjId,
}

impl Library for AutomergeText {
    type Update = automerge::Change;

    fn new(replica: u64) -> Self {
        let actor = automerge::ActorId::from(replica.to_be_bytes().to_vec());
        let mut doc = automerge::AutoCommit::new().with_actor(actor);
        let text = doc.put_object(automerge::ROOT, "text", automerge::ObjType::Text).expect("a text");
        doc.commit();
        AutomergeText { doc, text }
    }
    fn edit(&mut self, (position, erased, inserted): &Edit) {
        self.doc.splice_text(&self.text, *position, *erased as isize, inserted).expect("an edit");
    }
    fn commit(&mut self) {
        self.doc.commit();
    }
    fn text(&self) -> String {
        self.doc.text(&self.text).expect("the text")
    }
    fn save(&mut self) -> Vec<u8> {
        self.doc.save()
    }
    fn load(bytes: &[u8]) -> Self {
        Self::opened(automerge::AutoCommit::load(bytes).expect("a document"))
    }
    fn updates(transactions: &[Vec<Edit>]) -> Option<Vec<automerge::Change>> {
        let mut source = Self::new(1);
        let mut out = vec![source.doc.get_last_local_change().expect("a change")];
        for edits in transactions {
            edits.iter().for_each(|edit| source.edit(edit));
            source.commit();
            out.push(source.doc.get_last_local_change().expect("a change"));
        }
        Some(out)
    }
    fn merged(updates: &[automerge::Change]) -> Self {
        let mut doc = automerge::AutoCommit::new();
        doc.apply_changes(updates.iter().cloned()).expect("changes");
        Self::opened(doc)
    }
}

impl AutomergeText {
    fn opened(doc: automerge::AutoCommit) -> Self {
        let (_, text) = doc.get(automerge::ROOT, "text").expect("a root").expect("a text");
        AutomergeText { doc, text }
    }
}

// ----------------------------------------------------------------------------------- diamond-types

pub struct DiamondText {
    doc: diamond_types::list::ListCRDT,
    agent: diamond_types::AgentId,
}

/// Knows no transactions, and no update of one edit that is worth the name.
impl Library for DiamondText {
    type Update = ();

    fn new(replica: u64) -> Self {
        let mut doc = diamond_types::list::ListCRDT::new();
        let agent = doc.get_or_create_agent_id(&replica.to_string());
        DiamondText { doc, agent }
    }
    fn edit(&mut self, (position, erased, inserted): &Edit) {
        if *erased > 0 {
            self.doc.delete_without_content(self.agent, *position..*position + *erased);
        }
        if !inserted.is_empty() {
            self.doc.insert(self.agent, *position, inserted);
        }
    }
    fn commit(&mut self) {}
    fn text(&self) -> String {
        self.doc.branch.content().to_string()
    }
    fn save(&mut self) -> Vec<u8> {
        self.doc.oplog.encode(ENCODE_FULL)
    }
    fn load(bytes: &[u8]) -> Self {
        let mut doc = diamond_types::list::ListCRDT::load_from(bytes).expect("a document");
        let agent = doc.get_or_create_agent_id("99");
        DiamondText { doc, agent }
    }
    fn updates(_: &[Vec<Edit>]) -> Option<Vec<()>> {
        None
    }
    fn merged(_: &[()]) -> Self {
        Self::new(2)
    }
}

// --------------------------------------------------------------------------------------------- yrs

pub struct YrsText {
    doc: yrs::Doc,
    text: yrs::TextRef,
}

impl YrsText {
    fn one(&self, transaction: &mut yrs::TransactionMut, (position, erased, inserted): &Edit) {
        if *erased > 0 {
            self.text.remove_range(transaction, *position as u32, *erased as u32);
        }
        if !inserted.is_empty() {
            self.text.insert(transaction, *position as u32, inserted);
        }
    }
}

impl Library for YrsText {
    type Update = Vec<u8>;

    fn new(replica: u64) -> Self {
        let mut options = yrs::Options::with_client_id(yrs::ClientID::new(replica));
        options.skip_gc = true; // keeps deleted content, as the others do
        options.offset_kind = yrs::OffsetKind::Utf16;
        let doc = yrs::Doc::with_options(options);
        let text = doc.get_or_insert_text("text");
        YrsText { doc, text }
    }
    fn edit(&mut self, edit: &Edit) {
        let mut transaction = self.doc.transact_mut();
        self.one(&mut transaction, edit);
    }
    fn commit(&mut self) {}
    fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }
    fn save(&mut self) -> Vec<u8> {
        self.doc.transact().encode_state_as_update_v2(&yrs::StateVector::default())
    }
    fn load(bytes: &[u8]) -> Self {
        let out = Self::new(99);
        let update = yrs::Update::decode_v2(bytes).expect("an update");
        out.doc.transact_mut().apply_update(update).expect("a document");
        out
    }
    fn updates(transactions: &[Vec<Edit>]) -> Option<Vec<Vec<u8>>> {
        let source = Self::new(1);
        let mut out = Vec::new();
        for edits in transactions {
            let mut transaction = source.doc.transact_mut();
            edits.iter().for_each(|edit| source.one(&mut transaction, edit));
            out.push(transaction.encode_update_v1());
        }
        Some(out)
    }
    fn merged(updates: &[Vec<u8>]) -> Self {
        let out = Self::new(98);
        let mut transaction = out.doc.transact_mut();
        for update in updates {
            let update = yrs::Update::decode_v1(update).expect("an update");
            transaction.apply_update(update).expect("an update");
        }
        drop(transaction);
        out
    }
}

// -------------------------------------------------------------------------------------------- loro

pub struct LoroText {
    doc: loro::LoroDoc,
    text: loro::LoroText,
}

impl LoroText {
    fn opened(replica: u64) -> Self {
        let doc = loro::LoroDoc::new();
        doc.set_peer_id(replica).expect("a peer id");
        let text = doc.get_text("text");
        LoroText { doc, text }
    }
}

impl Library for LoroText {
    type Update = Vec<u8>;

    fn new(replica: u64) -> Self {
        Self::opened(replica)
    }
    fn edit(&mut self, (position, erased, inserted): &Edit) {
        if *erased > 0 {
            self.text.delete(*position, *erased).expect("a deletion");
        }
        if !inserted.is_empty() {
            self.text.insert(*position, inserted).expect("an insertion");
        }
    }
    fn commit(&mut self) {
        self.doc.commit();
    }
    fn text(&self) -> String {
        self.text.to_string()
    }
    fn save(&mut self) -> Vec<u8> {
        self.doc.export(loro::ExportMode::Snapshot).expect("a snapshot")
    }
    fn load(bytes: &[u8]) -> Self {
        let out = Self::opened(99);
        out.doc.import(bytes).expect("a document");
        out
    }
    fn updates(transactions: &[Vec<Edit>]) -> Option<Vec<Vec<u8>>> {
        let mut source = Self::new(1);
        let mut out = Vec::new();
        for edits in transactions {
            let before = source.doc.oplog_vv();
            edits.iter().for_each(|edit| source.edit(edit));
            source.commit();
            out.push(source.doc.export(loro::ExportMode::updates(&before)).expect("an update"));
        }
        Some(out)
    }
    fn merged(updates: &[Vec<u8>]) -> Self {
        let out = Self::opened(98);
        out.doc.import_batch(updates).expect("updates");
        out
    }
}
