//! The modules of a crate, and which file defines the name behind a path.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path as FilePath, PathBuf};

use crate::lexer::tokens;
use crate::outline::{Outline, Path, without_tests};

/// Re-exports that lead in a circle end the search.
const DEPTH: usize = 32;

/// A crate's source: `src/lib.rs` or `src/main.rs`, and all that its `mod` declarations name.
#[derive(Debug, Default)]
pub struct Tree {
    pub files: Vec<PathBuf>,
    modules: Vec<Module>,
}

#[derive(Debug)]
struct Module {
    name: String,
    parent: usize,
    file: usize,
    children: Vec<usize>,
    outline: Outline,
}

/// One file takes a name from another one. Files are indices into `Tree::files`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    pub from: usize,
    pub to: usize,
    pub name: String,
}

/// What a path leads to.
enum Found {
    Module(usize),
    Item(usize),
}

impl Tree {
    /// Reads the crate whose root is `root`.
    pub fn read(root: &FilePath) -> io::Result<Tree> {
        let mut tree = Tree::default();
        let folder = root.parent().unwrap_or(FilePath::new("")).to_owned();
        tree.add_file(root.to_owned(), folder, String::new(), 0)?;
        Ok(tree)
    }

    /// `folder` is where the files of its modules are.
    fn add_file(
        &mut self,
        path: PathBuf,
        folder: PathBuf,
        name: String,
        parent: usize,
    ) -> io::Result<usize> {
        let source = std::fs::read_to_string(&path)?;
        let outline = Outline::parse(&without_tests(&tokens(&source)));
        self.files.push(path);
        self.add_module(outline, folder, name, parent)
    }

    /// Adds a module of the file that was read last.
    fn add_module(
        &mut self,
        mut outline: Outline,
        folder: PathBuf,
        name: String,
        parent: usize,
    ) -> io::Result<usize> {
        let file = self.files.len() - 1;
        let (inline, files) =
            (std::mem::take(&mut outline.inline), std::mem::take(&mut outline.files));
        let id = self.modules.len();
        self.modules.push(Module { name, parent, file, children: Vec::new(), outline });
        for (name, outline) in inline {
            let child = self.add_module(outline, folder.join(&name), name, id)?;
            self.modules[child].file = file;
            self.modules[id].children.push(child);
        }
        for name in files {
            let inside = folder.join(&name);
            let beside = folder.join(format!("{name}.rs"));
            let path = if beside.exists() { beside } else { inside.join("mod.rs") };
            let child = self.add_file(path, inside, name, id)?;
            self.modules[id].children.push(child);
        }
        Ok(id)
    }

    /// Who takes what from whom, each arrow once.
    pub fn arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeSet::new();
        for (id, module) in self.modules.iter().enumerate() {
            let outline = &module.outline;
            for import in outline.imports.iter().filter(|import| import.name != "*") {
                self.follow(id, &import.path, &mut arrows);
            }
            for path in &outline.paths {
                self.follow(id, path, &mut arrows);
            }
            if outline.imports.iter().any(|import| import.name == "*") {
                for word in &outline.words {
                    self.follow_glob(id, word, &mut arrows);
                }
            }
        }
        arrows
    }

    fn follow(&self, module: usize, path: &Path, arrows: &mut BTreeSet<Arrow>) {
        if let Some((to, name)) = self.definition(module, &path.segments) {
            let from = self.modules[module].file;
            if from != to {
                arrows.insert(Arrow { from, to, name });
            }
        }
    }

    fn follow_glob(&self, module: usize, word: &Path, arrows: &mut BTreeSet<Arrow>) {
        let name = &word.segments[0];
        let outline = &self.modules[module].outline;
        let is_known = outline.items.contains(name)
            || outline.imports.iter().any(|import| import.name == *name);
        if !is_known {
            self.follow(module, word, arrows);
        }
    }

    /// The file that defines what `segments` name in a module. None for other crates, and for a
    /// module as such: only what is taken out of it counts.
    fn definition(&self, module: usize, segments: &[String]) -> Option<(usize, String)> {
        match self.resolve(module, module, segments, 0)? {
            (Found::Item(file), name) => Some((file, name)),
            (Found::Module(_), _) => None,
        }
    }

    /// Walks `segments` from the module `at`; `origin` is the one in whose code they stand.
    fn resolve(
        &self,
        origin: usize,
        at: usize,
        segments: &[String],
        depth: usize,
    ) -> Option<(Found, String)> {
        let mut current = at;
        let mut is_inside = false;
        for (index, segment) in segments.iter().enumerate() {
            let is_last = index + 1 == segments.len();
            match segment.as_str() {
                "crate" => current = 0,
                "self" => {}
                "super" => current = self.modules[current].parent,
                _ => match self.look_up(origin, current, segment, is_last, depth) {
                    Some(Found::Module(module)) => current = module,
                    Some(Found::Item(file)) => return Some((Found::Item(file), segment.clone())),
                    // What a macro defines there, or a name of another crate.
                    None if is_inside => {
                        return Some((Found::Item(self.modules[current].file), segment.clone()));
                    }
                    None => return None,
                },
            }
            is_inside = true;
        }
        Some((Found::Module(current), String::new()))
    }

    /// What a module knows by `name`. A function may bear the name of a module, so modules come first
    /// where more of the path follows, and items where it ends.
    fn look_up(
        &self,
        origin: usize,
        module: usize,
        name: &str,
        is_last: bool,
        depth: usize,
    ) -> Option<Found> {
        let here = &self.modules[module];
        let child = here.children.iter().copied().find(|child| self.modules[*child].name == name);
        let child = child.map(Found::Module);
        let item =
            here.outline.items.iter().any(|item| item == name).then_some(Found::Item(here.file));
        if is_last {
            item.or(child).or_else(|| self.imported(origin, module, name, is_last, depth))
        } else {
            child.or_else(|| self.imported(origin, module, name, is_last, depth)).or(item)
        }
    }

    /// What a module has imported as `name`, by its own or with all that is in another module.
    fn imported(
        &self,
        origin: usize,
        module: usize,
        name: &str,
        is_last: bool,
        depth: usize,
    ) -> Option<Found> {
        if depth > DEPTH {
            return None;
        }
        let here = &self.modules[module];
        let is_elsewhere = self.modules[origin].file != here.file;
        for import in here.outline.imports.iter().filter(|import| import.name == name) {
            match self.resolve(module, module, &import.path.segments, depth + 1) {
                // A private import is its module's own matter: who takes a name from there depends on it.
                Some((Found::Item(_), _)) if !import.is_public && is_elsewhere => {
                    return Some(Found::Item(here.file));
                }
                Some((found, _)) => return Some(found),
                None => {}
            }
        }
        here.outline.imports.iter().filter(|import| import.name == "*").find_map(|glob| match self
            .resolve(module, module, &glob.path.segments, depth + 1)?
            .0
        {
            Found::Module(target) if target != module => {
                self.look_up(origin, target, name, is_last, depth + 1)
            }
            _ => None,
        })
    }
}
