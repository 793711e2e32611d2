//! What the operator can do with applications.

use logbrook_sorted::SortedMap;

use logbrook_app::{AppSpec, PoisonKind, Rate, Role, SettingError};
use logbrook_client::process::Signal;

use crate::apps::{AppState, AppVerbError, InstanceState, Target};
use crate::cluster::Cluster;

impl Cluster {
    /// Adds an application and starts its instances.
    pub fn add_app(&mut self, spec: AppSpec) -> Result<(), AppVerbError> {
        spec.validate()?;
        if self.apps.contains_key(&spec.name) {
            return Err(AppVerbError::Exists { app: spec.name });
        }
        let name = spec.name.clone();
        let instances =
            (1..=spec.instances).map(|number| (number, InstanceState::default())).collect();
        self.apps.insert(name.clone(), AppState { spec, instances, rollout: None });
        self.start_app(&Target { app: name, number: None })
    }

    /// An application by its name.
    pub fn app(&self, name: &str) -> Option<&AppState> {
        self.apps.get(name)
    }

    /// All applications by name.
    pub fn apps(&self) -> &SortedMap<String, AppState> {
        &self.apps
    }

    /// Whether there is what a target names.
    ///
    /// # Errors
    /// An unknown application or instance.
    pub fn check_target(&self, target: &Target) -> Result<(), AppVerbError> {
        self.numbers(target).map(|_| ())
    }

    /// Changes settings of an application and restarts its instances one after another. Settings that
    /// cannot be change nothing.
    pub fn deploy(&mut self, app: &str, settings: &[(&str, &str)]) -> Result<(), AppVerbError> {
        let spec = self.app_or_error(app)?.spec.with_all(settings.iter().copied())?;
        let numbers = self.wanted_numbers(app);
        if let Some(state) = self.apps.get_mut(app) {
            state.spec = spec;
        }
        self.begin_rollout(app, numbers);
        Ok(())
    }

    /// Restarts an application's instances one after another, or one instance: SIGTERM, then a new
    /// process.
    pub fn restart_app(&mut self, target: &Target) -> Result<(), AppVerbError> {
        let numbers = self.numbers(target)?;
        if let Some(state) = self.apps.get_mut(&target.app) {
            for number in &numbers {
                state.instances.entry(*number).or_default().wanted = true;
            }
        }
        self.begin_rollout(&target.app, numbers);
        Ok(())
    }

    /// Changes the number of instances: the ones with the highest numbers end in order, new ones
    /// start at once.
    pub fn scale(&mut self, app: &str, instances: u32) -> Result<(), AppVerbError> {
        let state = self.app_or_error(app)?;
        if state.spec.role == Role::Producer {
            // Each instance makes every n-th event of one common stream, fixed at its start.
            let setting = "@scale of a producer".to_owned();
            return Err(SettingError::NotSupported { app: app.to_owned(), setting }.into());
        }
        let extra: Vec<_> =
            state.instances.keys().copied().filter(|number| *number > instances).collect();
        if let Some(state) = self.apps.get_mut(app) {
            state.spec.instances = instances;
        }
        for number in extra {
            self.stop_instance(app, number, Signal::Term);
        }
        for number in 1..=instances {
            self.start_instance(app, number, self.operator_cause);
        }
        Ok(())
    }

    /// Ends an application, or one instance, in order (SIGTERM). It stays down until it is started.
    pub fn stop_app(&mut self, target: &Target) -> Result<(), AppVerbError> {
        self.end_app(target, Signal::Term)
    }

    /// Kills an application, or one instance (SIGKILL). It stays down until it is started.
    pub fn kill_app(&mut self, target: &Target) -> Result<(), AppVerbError> {
        self.end_app(target, Signal::Kill)
    }

    /// Starts what of an application does not run.
    pub fn start_app(&mut self, target: &Target) -> Result<(), AppVerbError> {
        for number in self.numbers(target)? {
            self.start_instance(&target.app, number, self.operator_cause);
        }
        Ok(())
    }

    /// Stops an application's processes for a while, as a long garbage collection does.
    pub fn pause_app(&mut self, target: &Target, duration_us: i64) -> Result<(), AppVerbError> {
        for number in self.numbers(target)? {
            if let Some(process) = self.process_of(&target.app, number) {
                self.pause(process, duration_us);
            }
        }
        Ok(())
    }

    /// Sends more events for a while, on top of a producer's rate; they count towards its `count`.
    pub fn burst(&mut self, app: &str, rate: Rate, duration_us: u64) -> Result<(), AppVerbError> {
        self.producer_or_error(app, "@burst")?;
        let line = format!("burst {} {} {}", rate.events, rate.per_us, duration_us);
        self.tell_app(app, line);
        Ok(())
    }

    /// A producer's next event (of an entity) is bad.
    pub fn poison(
        &mut self,
        app: &str,
        kind: PoisonKind,
        entity: Option<&str>,
    ) -> Result<(), AppVerbError> {
        self.producer_or_error(app, "@poison")?;
        let line = match entity {
            Some(entity) => format!("poison {kind} {entity}"),
            None => format!("poison {kind}"),
        };
        self.tell_app(app, line);
        Ok(())
    }
}
