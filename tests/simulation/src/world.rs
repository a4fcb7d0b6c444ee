//! One run, from its seed to its verdict.

use std::collections::VecDeque;

use participant::output::{EndReason, Phase};
use participant::{Input, Output};
use protocol::id::{ParticipantId, RoomId};
use protocol::opaque::encode_base64url;
use protocol::reject::FarewellReason;
use room::MediaNews;

use crate::dice::Dice;
use crate::logs::{CANARY, Leaks, Listener};
use crate::network::{Act, Event, Line, Network};
use crate::people::{COUNSELLOR, Cast, Person, name, offered};
use crate::server::{Does, Server, at};

/// How long things go wrong, in milliseconds.
const BAD_MS: u64 = 60_000;

/// How long the quiet afterwards is: more than any patience in the protocol.
const QUIET_MS: u64 = 150_000;

/// How much of what happened last is printed when a run fails.
const HISTORY_MAX: usize = 120;

/// More events than any run needs: something spins.
const EVENTS_MAX: u64 = 200_000;

/// What a run was like, for those who count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// People who were in the call in the end.
    pub n_in_call: usize,
    /// Commits, cuts, reloads and restarts that happened.
    pub n_faults: u64,
    /// Lines of chat that arrived somewhere.
    pub n_heard: usize,
}

/// Runs one seed.
///
/// # Panics
///
/// If something does not hold that must; the message names the seed.
#[must_use]
pub fn run(seed: u64) -> Tally {
    let leaks = Leaks::default();
    let tally = tracing::subscriber::with_default(Listener::new(leaks.clone()), || {
        let mut world = World::new(seed);
        world.write_script();
        world.pass(BAD_MS);
        world.calm_down();
        world.pass(BAD_MS + QUIET_MS);
        world.judge()
    });
    assert!(leaks.lines().is_empty(), "seed {seed}: logged {:?}", leaks.lines());
    tally
}

/// A run under way.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) dice: Dice,
    pub(crate) now: u64,
    pub(crate) network: Network,
    pub(crate) server: Server,
    pub(crate) cast: Cast,
    pub(crate) people: Vec<Option<Person>>,
    pub(crate) n_texts: u64,
    pub(crate) n_faults: u64,
    pub(crate) admit_is_due: bool,
    /// Whom the counsellor has pressed *remove* for.
    pub(crate) removing: Option<(usize, ParticipantId)>,
    pub(crate) history: VecDeque<String>,
}

/// A run that fails tells what happened last.
impl Drop for World {
    #[expect(clippy::print_stderr, reason = "for the person who looks into a failed run")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            for line in &self.history {
                eprintln!("{line}");
            }
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let room = RoomId::from_bytes(dice.bytes());
        let n_attendees = 1 + dice.index(4);
        let cast = Cast::new(room, n_attendees, &mut dice);
        let server = Server::new(room, cast.wrapped.clone(), Dice::new(dice.roll(u64::MAX)));
        let mut network = Network::default();
        network.is_bad = true;
        let people = (0..=n_attendees).map(|_| None).collect();
        Self {
            seed,
            dice,
            now: 0,
            network,
            server,
            cast,
            people,
            n_texts: 0,
            n_faults: 0,
            admit_is_due: false,
            removing: None,
            history: VecDeque::new(),
        }
    }

    fn note(&mut self, what: &dyn std::fmt::Debug) {
        if self.history.len() >= HISTORY_MAX {
            self.history.pop_front();
        }
        let text: String = format!("{what:?}").chars().take(240).collect();
        self.history.push_back(format!("{:>7} ms {text}", self.now));
    }

    /// Decides what will happen while things go wrong.
    fn write_script(&mut self) {
        let n = self.people.len();
        let first = self.dice.roll(2000);
        self.act(first, Act::Come(COUNSELLOR));
        for who in 1..n {
            let come_at = self.dice.roll(20_000);
            self.act(come_at, Act::Come(who));
        }
        for _ in 0..self.dice.between(4, 14) {
            self.act_at_some_time(Act::Write);
        }
        for _ in 0..self.dice.roll(8) {
            self.act_at_some_time(Act::Cut);
        }
        for _ in 0..self.dice.roll(3) {
            self.act_at_some_time(Act::Reload);
        }
        for _ in 0..self.dice.roll(3) {
            self.act_at_some_time(Act::LoseMedia);
        }
        if self.dice.happens(25) {
            let when = self.dice.roll(BAD_MS);
            self.act(when, Act::Restart);
        }
        if self.dice.happens(40) {
            let when = self.dice.between(5000, BAD_MS);
            self.act(when, Act::Reload(COUNSELLOR));
        }
        if n > 2 && self.dice.happens(40) {
            let who = 1 + self.dice.index(n - 1);
            let when = self.dice.between(20_000, BAD_MS);
            self.act(when, Act::Remove(who));
        }
        if n > 2 && self.dice.happens(25) {
            let who = 1 + self.dice.index(n - 1);
            let when = self.dice.between(20_000, BAD_MS);
            self.act(when, Act::Leave(who));
        }
    }

    fn act(&mut self, when: u64, act: Act) {
        self.network.schedule(when, Event::Act(act));
    }

    fn act_at_some_time(&mut self, act: impl FnOnce(usize) -> Act) {
        let who = self.dice.index(self.people.len());
        let when = self.dice.roll(BAD_MS);
        self.act(when, act(who));
    }

    fn calm_down(&mut self) {
        self.network.is_bad = false;
    }

    /// Lets time pass.
    fn pass(&mut self, end: u64) {
        let mut n_events = 0;
        loop {
            self.carry_out();
            n_events += 1;
            assert!(n_events < EVENTS_MAX, "seed {}: {}", self.seed, self.who_spins());
            let next = self.network.next_at().into_iter().chain(self.next_timer()).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            match self.network.next(self.now) {
                Some((_, event)) => {
                    self.note(&event);
                    self.happen(event);
                }
                None => self.wake(),
            }
            self.check_always();
        }
    }

    /// Who asks to be woken for a moment that is over.
    fn who_spins(&self) -> String {
        let person = self.people.iter().position(|person| {
            person.as_ref().is_some_and(|one| {
                one.core.poll_timeout().is_some_and(|due| due <= one.local(self.now))
            })
        });
        match person {
            Some(who) => format!("{who} spins: {:?}", self.person(who).map(|one| &one.core)),
            None => format!("the server spins for {:?}", self.server.poll_timeout()),
        }
    }

    fn next_timer(&self) -> impl Iterator<Item = u64> {
        let ms = |due: protocol::time::Timestamp| {
            // Rounded up: who is woken too early asks for the same moment again.
            let nanos = due.since_start().as_nanos().div_ceil(1_000_000);
            u64::try_from(nanos).unwrap_or(u64::MAX)
        };
        let people = self.people.iter().flatten();
        let people = people
            .filter_map(move |person| Some(person.born + ms(person.core.poll_timeout()?)));
        people.chain(self.server.poll_timeout().map(ms))
    }

    fn wake(&mut self) {
        if self.server.poll_timeout().is_some_and(|due| due <= at(self.now)) {
            self.server.tick(at(self.now));
        }
        for who in 0..self.people.len() {
            let is_due = self.person(who).is_some_and(|person| {
                person.core.poll_timeout().is_some_and(|due| due <= person.local(self.now))
            });
            if is_due {
                self.tell(who, Input::Tick);
            }
        }
    }

    pub(crate) fn person(&self, who: usize) -> Option<&Person> {
        self.people.get(who).and_then(Option::as_ref)
    }

    pub(crate) fn person_mut(&mut self, who: usize) -> Option<&mut Person> {
        self.people.get_mut(who).and_then(Option::as_mut)
    }

    fn tell(&mut self, who: usize, input: Input) {
        let now = self.now;
        if let Some(person) = self.person_mut(who) {
            let local = person.local(now);
            person.core.handle_input(local, input);
        }
    }

    /// Whoever has this line as theirs.
    fn holder(&self, line: Line) -> Option<usize> {
        self.people
            .iter()
            .position(|person| person.as_ref().is_some_and(|one| one.line == Some(line)))
    }

    fn happen(&mut self, event: Event) {
        let now = at(self.now);
        match event {
            Event::ToServer { line, text } => self.server.received(now, line, &text),
            Event::ToClient { line, text } => {
                if let Some(who) = self.holder(line) {
                    self.tell(who, Input::Received { text });
                }
            }
            Event::Opened { line } => {
                if let Some(who) = self.holder(line) {
                    self.tell(who, Input::Opened);
                }
            }
            Event::ClientNotices { line } => {
                if let Some(who) = self.holder(line) {
                    if let Some(person) = self.person_mut(who) {
                        person.line = None;
                    }
                    self.tell(who, Input::Closed { code: 1006 });
                }
            }
            Event::ServerNotices { line } => {
                self.network.forget(line);
                self.server.hung(now, line);
            }
            Event::Ticket { who, life } => {
                let ticket = encode_base64url(&self.dice.bytes::<32>());
                self.tell_life(who, life, Input::Ticket { ticket });
            }
            Event::MediaUp { who, life } => self.tell_life(who, life, Input::MediaConnected),
            Event::Media { peer, news } => self.server.media(now, peer, news),
            Event::Act(act) => self.happens(&act),
        }
    }

    fn tell_life(&mut self, who: usize, life: u32, input: Input) {
        if self.person(who).is_some_and(|person| person.life == life) {
            self.tell(who, input);
        }
    }

    fn happens(&mut self, act: &Act) {
        match *act {
            Act::Come(who) => {
                let person = self.cast.person(who, self.now, &mut self.dice);
                if let Some(place) = self.people.get_mut(who) {
                    *place = Some(person);
                }
                self.tell(who, Input::Start);
            }
            Act::Write(who) => self.write(who),
            Act::AdmitAll => self.admit_all(),
            Act::Remove(who) => self.remove(who),
            Act::Leave(who) => {
                self.tell(who, Input::Leave);
                if let Some(person) = self.person_mut(who) {
                    person.is_out = true;
                }
            }
            Act::Reload(who) => self.reload(who),
            Act::Cut(who) => {
                if let Some(line) = self.person(who).and_then(|person| person.line) {
                    self.n_faults += 1;
                    self.network.cut(self.now, line, &mut self.dice);
                }
            }
            Act::LoseMedia(who) => self.tell(who, Input::MediaFailed),
            Act::Restart => {
                self.n_faults += 1;
                self.server.restart(at(self.now));
                for who in 0..self.people.len() {
                    if let Some(line) = self.person(who).and_then(|person| person.line) {
                        self.network.cut(self.now, line, &mut self.dice);
                    }
                }
            }
        }
    }

    fn write(&mut self, who: usize) {
        self.n_texts += 1;
        let text = format!("text {} {CANARY}", self.n_texts);
        if let Some(person) = self.person_mut(who).filter(|person| !person.is_out) {
            person.in_doubt.insert(text.clone());
            self.tell(who, Input::SendChat { text });
        }
    }

    fn admit_all(&mut self) {
        self.admit_is_due = false;
        let waiting = self
            .person(COUNSELLOR)
            .and_then(|person| person.state.as_ref())
            .map(|state| state.waiting.clone())
            .unwrap_or_default();
        for one in waiting {
            let participant = one.participant;
            // After a reload the page does not know any more whom it removed; she does.
            let was_removed = (1..self.people.len()).any(|who| {
                one.name == name(who) && self.person(who).is_some_and(|p| p.is_removed)
            });
            let input = if was_removed {
                Input::Decline { participant }
            } else {
                Input::Admit { participant }
            };
            self.tell(COUNSELLOR, input);
        }
    }

    fn remove(&mut self, who: usize) {
        let participant = self
            .person(who)
            .filter(|person| person.is_in_call())
            .and_then(|person| person.state.as_ref()?.me);
        let others = self
            .person(COUNSELLOR)
            .and_then(|person| person.state.as_ref())
            .map(|state| state.others.clone())
            .unwrap_or_default();
        let is_member = |one: &participant::output::Other| Some(one.participant) == participant;
        if let Some(other) = others.into_iter().find(|o| is_member(o) && o.leaf.is_some()) {
            let participant = other.participant;
            self.tell(COUNSELLOR, Input::Remove { participant });
            self.removing = Some((who, participant));
        }
    }

    fn reload(&mut self, who: usize) {
        let now = self.now;
        if self.person(who).is_none_or(|person| person.is_out) {
            return;
        }
        self.n_faults += 1;
        if who == COUNSELLOR {
            self.removing = None;
        }
        let core = self.cast.open_page(who, now, &mut self.dice);
        let line = self.person_mut(who).and_then(|person| {
            // The counsellor's vault noted whom she let in.
            let note = person.core.note();
            person.core = core;
            person.core.recall(&note);
            person.life += 1;
            person.born = now;
            person.state = None;
            person.in_doubt.clear();
            person.line.take()
        });
        if let Some(line) = line {
            self.network.close(now, line, true);
        }
        self.tell(who, Input::Start);
    }

    /// Carries out what the cores want, until they want nothing more.
    fn carry_out(&mut self) {
        loop {
            let mut moved = false;
            for who in 0..self.people.len() {
                while let Some(output) =
                    self.person_mut(who).and_then(|person| person.core.poll_output())
                {
                    moved = true;
                    self.shell(who, output);
                }
            }
            while let Some(does) = self.server.poll() {
                moved = true;
                self.serve(does);
            }
            if !moved {
                return;
            }
        }
    }

    fn serve(&mut self, does: Does) {
        match does {
            Does::Send { line, message } => {
                self.network.send_down(self.now, line, message.encode(), &mut self.dice);
            }
            Does::Close { line } => self.network.close(self.now, line, false),
            Does::Answer { peer } => {
                let at = self.now + self.dice.between(1, 30);
                let news = MediaNews::Opened { answer: "v=0".to_owned() };
                self.network.schedule(at, Event::Media { peer, news });
            }
        }
    }

    /// What a shell does with an order.
    fn shell(&mut self, who: usize, output: Output) {
        self.note(&(who, &output));
        let now = self.now;
        let Some(life) = self.person(who).map(|person| person.life) else { return };
        match output {
            Output::FetchTicket => {
                let at = now + self.dice.between(5, 80);
                self.network.schedule(at, Event::Ticket { who, life });
            }
            Output::Connect => {
                let line = self.network.dial(now, who, life, &mut self.dice);
                let old = self.person_mut(who).and_then(|person| person.line.replace(line));
                if let Some(old) = old {
                    self.network.close(now, old, true);
                }
            }
            Output::Send { text } => {
                if let Some(line) = self.person(who).and_then(|person| person.line) {
                    self.network.send_up(now, line, text, &mut self.dice);
                }
            }
            Output::Disconnect => {
                let line = self.person_mut(who).and_then(|person| person.line.take());
                if let Some(line) = line {
                    self.network.close(now, line, true);
                }
            }
            Output::MakeOffer => self.tell(who, offered()),
            Output::TakeAnswer { .. } => {
                let at = now + self.dice.between(20, 200);
                self.network.schedule(at, Event::MediaUp { who, life });
            }
            Output::CloseMedia
            | Output::BindSlots { .. }
            | Output::ForceKeyFrame { .. }
            | Output::Said { .. }
            | Output::DoorstepNote { .. }
            | Output::Receipt { .. } => (),
            Output::Chat { own, text, .. } => {
                if let Some(person) = self.person_mut(who) {
                    if own {
                        person.in_doubt.remove(&text);
                    } else {
                        person.heard.push(text);
                    }
                }
            }
            Output::Refused { .. } => {
                if let Some(person) = self.person_mut(who) {
                    person.refused();
                }
            }
            Output::Show { state } => {
                if who == COUNSELLOR && !state.waiting.is_empty() && !self.admit_is_due {
                    self.admit_is_due = true;
                    let at = now + self.dice.between(50, 3000);
                    self.act(at, Act::AdmitAll);
                }
                // An older page of theirs was slower than this one; they see it and reload.
                let replaced = EndReason::Farewell { reason: FarewellReason::Replaced };
                if state.phase == (Phase::Ended { reason: replaced }) {
                    let at = now + self.dice.between(1000, 3000);
                    self.act(at, Act::Reload(who));
                }
                if let Some(person) = self.person_mut(who) {
                    person.state = Some(state);
                }
            }
        }
    }
}
