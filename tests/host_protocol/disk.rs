//! A disk as a power cut finds it: what was synced is there, and of the rest as much as a case says.
//!
//! Files and directories are known by their inodes. To sync a file keeps its content, to sync a directory its entries, and nothing else
//! of either: what no synced directory names is gone, whatever became of its content.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file or a directory.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Node {
    File(Vec<u8>),
    Directory(BTreeMap<String, u64>),
}

type Nodes = BTreeMap<u64, Node>;

/// What becomes of that which was not synced.
#[derive(Debug, Clone, Copy)]
pub enum Rest {
    /// Nothing of it reached the disk. A file whose name did is empty.
    Lost,
    /// Names reached the disk, contents did not.
    Empty,
    /// Names reached the disk, and a half of each content.
    Torn,
    /// All of it did.
    Whole,
    /// Each file and each directory by itself: chosen by the number.
    Mixed(u64),
}

/// Paths below the root, and the contents of files.
pub type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// The directory that is on the disk.
pub struct Disk {
    root: PathBuf,
    /// Keeps the number of what was removed from being given to something else.
    held: HashMap<u64, fs::File>,
    /// Each as it was last.
    seen: Nodes,
    synced: Nodes,
}

/// What is on the disk at a moment, and what is not yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    root: u64,
    seen: Nodes,
    synced: Nodes,
}

impl Disk {
    /// What is there at first is on the disk.
    pub fn new(root: PathBuf) -> Self {
        let mut disk = Self {
            root,
            held: HashMap::new(),
            seen: Nodes::new(),
            synced: Nodes::new(),
        };
        disk.look();
        disk.synced = disk.seen.clone();
        disk
    }

    /// Takes down what is there now.
    pub fn look(&mut self) -> Image {
        let root = self.visit(&self.root.clone());
        Image {
            root,
            seen: self.seen.clone(),
            synced: self.synced.clone(),
        }
    }

    fn visit(&mut self, path: &Path) -> u64 {
        let about = fs::symlink_metadata(path).unwrap();
        let inode = about.ino();
        self.held
            .entry(inode)
            .or_insert_with(|| fs::File::open(path).unwrap());
        let node = if about.is_dir() {
            let entries = fs::read_dir(path).unwrap().map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, self.visit(&entry.path()))
            });
            Node::Directory(entries.collect())
        } else {
            Node::File(fs::read(path).unwrap())
        };
        self.seen.insert(inode, node);
        inode
    }

    /// A file or a directory is synced.
    pub fn sync(&mut self, path: &Path) {
        self.look();
        let inode = fs::metadata(path).unwrap().ino();
        if let Some(node) = self.seen.get(&inode) {
            self.synced.insert(inode, node.clone());
        }
    }

    /// Everything is synced.
    pub fn sync_all(&mut self) {
        self.look();
        self.synced = self.seen.clone();
    }
}

impl Image {
    /// Returns what is there after the power cut.
    pub fn after(&self, rest: Rest) -> Tree {
        let mut tree = Tree::new();
        self.restore(self.root, Path::new(""), rest, &mut tree);
        tree
    }

    fn restore(&self, inode: u64, path: &Path, rest: Rest, tree: &mut Tree) {
        let chosen = match rest {
            Rest::Mixed(seed) => {
                let mut hasher = DefaultHasher::new();
                (seed, tree.len()).hash(&mut hasher);
                let all = [Rest::Lost, Rest::Empty, Rest::Torn, Rest::Whole];
                all[(hasher.finish() % 4) as usize]
            }
            rest => rest,
        };
        let kept = self.synced.get(&inode);
        match &self.seen[&inode] {
            Node::File(now) => {
                let kept = match kept {
                    Some(Node::File(kept)) => kept.as_slice(),
                    _ => &[],
                };
                let content = match chosen {
                    Rest::Whole => now.clone(),
                    Rest::Torn => torn(kept, now),
                    _ => kept.to_vec(),
                };
                tree.insert(path.to_owned(), Some(content));
            }
            Node::Directory(now) => {
                tree.insert(path.to_owned(), None);
                let entries = match (chosen, kept) {
                    (Rest::Lost, Some(Node::Directory(kept))) => kept,
                    (Rest::Lost, _) => return,
                    _ => now,
                };
                for (name, inode) in entries {
                    self.restore(*inode, &path.join(name), rest, tree);
                }
            }
        }
    }
}

/// Returns half of what was written.
fn torn(kept: &[u8], now: &[u8]) -> Vec<u8> {
    match now.strip_prefix(kept) {
        Some(written) => [kept, &written[..written.len() / 2]].concat(),
        None => now[..now.len() / 2].to_vec(),
    }
}

/// Writes a tree to a directory, as it is after a start of the machine with another name than `boot`.
pub fn write(tree: &Tree, directory: &Path, boot: &str) {
    let before = "ffffffff".to_owned() + &boot[8..];
    for (path, content) in tree {
        let path = directory.join(path);
        match content {
            None => fs::create_dir_all(path).unwrap(),
            Some(content) => {
                let text = String::from_utf8_lossy(content).replace(boot, &before);
                fs::write(path, text).unwrap();
            }
        }
    }
}
