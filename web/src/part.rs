//! Signals and memos whose machinery is compiled once.
//!
//! A `Memo<T>` is some kilobytes of code for each `T`, and the page has a hundred small `T`s. Here
//! every value stands behind one pointer type; what is left for each `T` is its comparison.

use leptos::prelude::*;
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// A value that can be compared with another of its type.
trait Value: Send + Sync {
    fn same(&self, other: &dyn Any) -> bool;
    fn any(&self) -> &dyn Any;
}

impl<T: PartialEq + Send + Sync + 'static> Value for T {
    fn same(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<T>().is_some_and(|other| self == other)
    }

    fn any(&self) -> &dyn Any {
        self
    }
}

/// Any value.
#[derive(Clone)]
struct Erased(Arc<dyn Value>);

impl Erased {
    fn new<T: PartialEq + Send + Sync + 'static>(value: T) -> Erased {
        Erased(Arc::new(value))
    }

    fn get<T: 'static>(&self) -> Option<&T> {
        (*self.0).any().downcast_ref()
    }
}

impl PartialEq for Erased {
    fn eq(&self, other: &Erased) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (*self.0).same((*other.0).any())
    }
}

/// What makes a part, from the value before.
type Make = Box<dyn Fn(Option<&Erased>) -> Erased + Send + Sync>;

fn memo(make: Make) -> Memo<Erased> {
    Memo::new(make)
}

fn read(memo: Memo<Erased>) -> Erased {
    memo.get()
}

fn peek(memo: Memo<Erased>) -> Erased {
    memo.get_untracked()
}

/// Something computed that tells of its own changes only.
pub(crate) struct Part<T> {
    memo: Memo<Erased>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Part<T> {}

impl<T: PartialEq + Clone + Send + Sync + 'static> Part<T> {
    /// A part; `make` gets the value before, if there is one.
    pub(crate) fn new(make: impl Fn(Option<&T>) -> T + Send + Sync + 'static) -> Part<T> {
        let make: Make = Box::new(move |old| Erased::new(make(old.and_then(|old| old.get::<T>()))));
        Part { memo: memo(make), of: PhantomData }
    }

    pub(crate) fn get(&self) -> T {
        self.with(T::clone)
    }

    pub(crate) fn get_untracked(&self) -> T {
        self.with_untracked(T::clone)
    }

    pub(crate) fn with<U>(&self, f: impl FnOnce(&T) -> U) -> U {
        look(&read(self.memo), f)
    }

    pub(crate) fn with_untracked<U>(&self, f: impl FnOnce(&T) -> U) -> U {
        look(&peek(self.memo), f)
    }

    pub(crate) fn track(&self) {
        read(self.memo);
    }
}

fn look<T: 'static, U>(value: &Erased, f: impl FnOnce(&T) -> U) -> U {
    match value.get::<T>() {
        Some(value) => f(value),
        // A part holds nothing but its own type.
        None => unreachable!("a part of another type"),
    }
}

/// A part of the view that the engine sets.
pub(crate) struct State<T> {
    signal: RwSignal<Erased>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for State<T> {}

fn set(signal: RwSignal<Erased>, value: Erased) {
    if signal.get_untracked() != value {
        signal.set(value);
    }
}

fn read_state(signal: RwSignal<Erased>) -> Erased {
    signal.get()
}

impl<T: PartialEq + Clone + Send + Sync + 'static> State<T> {
    pub(crate) fn new(value: T) -> State<T> {
        State { signal: RwSignal::new(Erased::new(value)), of: PhantomData }
    }

    /// Sets it, if that changes it.
    pub(crate) fn put(&self, value: T) {
        set(self.signal, Erased::new(value));
    }

    pub(crate) fn get(&self) -> T {
        self.with(T::clone)
    }

    pub(crate) fn get_untracked(&self) -> T {
        self.with_untracked(T::clone)
    }

    pub(crate) fn with<U>(&self, f: impl FnOnce(&T) -> U) -> U {
        look(&read_state(self.signal), f)
    }

    pub(crate) fn with_untracked<U>(&self, f: impl FnOnce(&T) -> U) -> U {
        look(&self.signal.get_untracked(), f)
    }
}
