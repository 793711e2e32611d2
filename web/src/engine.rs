//! Which engine the page runs on: the session, for the level that stands at the address.

#[cfg(feature = "fixture")]
mod made_up {
    use logbrook_session::view::{Place, Speed};
    use logbrook_session::{Event, View, fixtures};

    /// A view that was made up, for drawing. Never in the shipped page.
    pub(crate) struct Engine(View);

    impl Engine {
        pub(crate) fn waiting(place: &Place) -> Engine {
            Engine(fixtures::view(place))
        }

        pub(crate) async fn open(place: &Place) -> Engine {
            Engine::waiting(place)
        }

        pub(crate) fn update(&mut self, event: Event) {
            fixtures::update(&mut self.0, event);
        }

        pub(crate) fn tick(&mut self, _elapsed_us: i64) {}

        pub(crate) fn advance(&mut self, _time_left: &mut dyn FnMut() -> bool) -> bool {
            false
        }

        pub(crate) fn view(&mut self) -> View {
            let _ = Speed::default();
            self.0.clone()
        }
    }
}

#[cfg(feature = "fixture")]
pub(crate) use made_up::Engine;

#[cfg(not(feature = "fixture"))]
mod real {
    use logbrook_session::view::{Home, Notice, Place, Rich, Tone, Top};
    use logbrook_session::{Event, View};
    use std::sync::Arc;

    /// The session behind the page.
    pub(crate) struct Engine(View);

    impl Engine {
        /// What stands there until the level has been read.
        pub(crate) fn waiting(place: &Place) -> Engine {
            Engine(View {
                place: place.clone(),
                top: Arc::new(Top::default()),
                home: Arc::new(Home::default()),
                task: None,
                stage: Arc::default(),
                timeline: Arc::default(),
                terminal: Arc::default(),
                apps: Arc::default(),
                lines: Arc::default(),
                inspector: None,
                announcement: Arc::default(),
                notices: Arc::default(),
                keep: Arc::default(),
            })
        }

        pub(crate) async fn open(place: &Place) -> Engine {
            let mut engine = Engine::waiting(place);
            engine.0.notices = Arc::new(vec![Notice {
                id: 0,
                tone: Tone::Warn,
                text: Rich::parse("The engine is not part of this build."),
                moment: None,
            }]);
            engine
        }

        pub(crate) fn update(&mut self, _event: Event) {}

        pub(crate) fn tick(&mut self, _elapsed_us: i64) {}

        pub(crate) fn advance(&mut self, _time_left: &mut dyn FnMut() -> bool) -> bool {
            false
        }

        pub(crate) fn view(&mut self) -> View {
            self.0.clone()
        }
    }
}

#[cfg(not(feature = "fixture"))]
pub(crate) use real::Engine;
