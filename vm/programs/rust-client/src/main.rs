// SPDX-License-Identifier: MIT

//! Starts a program in a domain that the landlock crate makes. It takes the words of landproof's
//! protocol (docs/clients.md):
//!
//! ```text
//! rust-client [--best-effort] --restrict fs.truncate --allow fs.read_file:/srv
//!             --restrict net.bind_tcp --port net.bind_tcp:80 -- PROGRAM [ARGUMENT...]
//! ```
//!
//! Its exit code is 125 if the crate has no words for the policy, 126 if it refuses.

use landlock::{
    AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use std::env;
use std::os::unix::process::CommandExt;
use std::process::{exit, Command};

const NO_WORDS: i32 = 125;
const REFUSED: i32 = 126;

fn end(code: i32, why: &str) -> ! {
    eprintln!("rust-client: {why}");
    exit(code)
}

fn no_words(label: &str) -> ! {
    end(NO_WORDS, &format!("no words for {label}"))
}

fn fs(label: &str) -> Option<AccessFs> {
    Some(match label {
        "fs.execute" => AccessFs::Execute,
        "fs.write_file" => AccessFs::WriteFile,
        "fs.read_file" => AccessFs::ReadFile,
        "fs.read_dir" => AccessFs::ReadDir,
        "fs.remove_dir" => AccessFs::RemoveDir,
        "fs.remove_file" => AccessFs::RemoveFile,
        "fs.make_char" => AccessFs::MakeChar,
        "fs.make_dir" => AccessFs::MakeDir,
        "fs.make_reg" => AccessFs::MakeReg,
        "fs.make_sock" => AccessFs::MakeSock,
        "fs.make_fifo" => AccessFs::MakeFifo,
        "fs.make_block" => AccessFs::MakeBlock,
        "fs.make_sym" => AccessFs::MakeSym,
        "fs.refer" => AccessFs::Refer,
        "fs.truncate" => AccessFs::Truncate,
        "fs.ioctl_dev" => AccessFs::IoctlDev,
        "fs.resolve_unix" => AccessFs::ResolveUnix,
        _ => return None,
    })
}

fn net(label: &str) -> Option<AccessNet> {
    Some(match label {
        "net.bind_tcp" => AccessNet::BindTcp,
        "net.connect_tcp" => AccessNet::ConnectTcp,
        _ => return None,
    })
}

fn scope(label: &str) -> Option<Scope> {
    Some(match label {
        "scope.abstract_unix_socket" => Scope::AbstractUnixSocket,
        "scope.signal" => Scope::Signal,
        _ => return None,
    })
}

/// What the words ask for.
#[derive(Default)]
struct Policy {
    fs: BitFlags<AccessFs>,
    net: BitFlags<AccessNet>,
    scope: BitFlags<Scope>,
    paths: Vec<(BitFlags<AccessFs>, String)>,
    ports: Vec<(BitFlags<AccessNet>, u16)>,
    best_effort: bool,
}

impl Policy {
    fn restrict(&mut self, label: &str) {
        if let Some(right) = fs(label) {
            self.fs |= right;
        } else if let Some(right) = net(label) {
            self.net |= right;
        } else if let Some(right) = scope(label) {
            self.scope |= right;
        } else {
            no_words(label);
        }
    }

    fn allow(&mut self, word: &str) {
        let (labels, path) = word.split_once(':').unwrap_or((word, ""));
        let rights = labels.split(',').map(|it| fs(it).unwrap_or_else(|| no_words(it)));
        self.paths.push((rights.collect(), path.to_owned()));
    }

    fn port(&mut self, word: &str) {
        let (labels, port) = word.split_once(':').unwrap_or((word, ""));
        let rights = labels.split(',').map(|it| net(it).unwrap_or_else(|| no_words(it)));
        let number = port.parse().unwrap_or_else(|_| no_words(word));
        self.ports.push((rights.collect(), number));
    }

    /// Enforces it; says if the kernel gives less, which it can do in best effort alone.
    fn enforce(self) -> Result<(), Box<dyn std::error::Error>> {
        let level = match self.best_effort {
            true => CompatLevel::BestEffort,
            false => CompatLevel::HardRequirement,
        };
        let mut ruleset = Ruleset::default().set_compatibility(level);
        if !self.fs.is_empty() {
            ruleset = ruleset.handle_access(self.fs)?;
        }
        if !self.net.is_empty() {
            ruleset = ruleset.handle_access(self.net)?;
        }
        if !self.scope.is_empty() {
            ruleset = ruleset.scope(self.scope)?;
        }
        let mut created = ruleset.create()?;
        for (rights, path) in self.paths {
            created = created.add_rule(PathBeneath::new(PathFd::new(path)?, rights))?;
        }
        created = created.add_rules(
            self.ports.into_iter().map(|(rights, port)| Ok::<_, RulesetError>(NetPort::new(port, rights))),
        )?;
        match created.restrict_self()?.ruleset {
            RulesetStatus::FullyEnforced => {}
            status => eprintln!("rust-client: landlock: {status:?}"),
        }
        Ok(())
    }
}

fn main() {
    let mut words = env::args().skip(1);
    let mut policy = Policy::default();
    let mut next = || {
        words.next().unwrap_or_else(|| end(2, "no program; usage: rust-client [WORD...] -- PROGRAM"))
    };
    loop {
        match next().as_str() {
            "--" => break,
            "--best-effort" => policy.best_effort = true,
            "--restrict" => policy.restrict(&next()),
            "--allow" => policy.allow(&next()),
            "--port" => policy.port(&next()),
            word => end(NO_WORDS, &format!("no such word: {word}")),
        }
    }
    let program = next();
    if let Err(error) = policy.enforce() {
        end(REFUSED, &error.to_string());
    }
    let error = Command::new(&program).args(words).exec();
    end(REFUSED, &format!("{program}: {error}"))
}
