//! The operations that answer requests in place of the app, in plans.

use super::maintenance::{HostOperation, Maintenance};
use super::{AppOperation, Flat, OperationKind};

impl OperationKind {
    /// Notes who asked for it, if that is part of it.
    pub fn set_asked_by(&mut self, who: String) {
        match self {
            Self::App(AppOperation::Maintenance(maintenance)) => maintenance.by = who,
            Self::Host(HostOperation::Drain(by)) => *by = who,
            _ => {}
        }
    }

    /// Returns whether who asked for it is part of it.
    pub fn says_who_asked(&self) -> bool {
        matches!(
            self,
            Self::App(AppOperation::Maintenance(_)) | Self::Host(HostOperation::Drain(_))
        )
    }

    /// Returns whether it is about the routes of roles, and so about those alone that have some.
    pub fn is_about_routes(&self) -> bool {
        matches!(
            self,
            Self::Traefik(_)
                | Self::Host(_)
                | Self::Healthcheck(_)
                | Self::App(AppOperation::Maintenance(_) | AppOperation::Live)
        )
    }
}

impl Flat {
    /// Returns the operation that answers in place of the app, of which it takes the arguments.
    pub(super) fn intercepting(&mut self) -> Option<OperationKind> {
        Some(match self.name.as_str() {
            "app maintenance" => OperationKind::App(AppOperation::Maintenance(Maintenance {
                by: self.by.take().unwrap_or_default(),
                message: self.message.take(),
                retry_after: self.retry_after.take(),
                page: self.page.take(),
                allow: std::mem::take(&mut self.allow),
                except: std::mem::take(&mut self.except),
            })),
            "app live" => OperationKind::App(AppOperation::Live),
            "host drain" => {
                let by = self.by.take().unwrap_or_default();
                OperationKind::Host(HostOperation::Drain(by))
            }
            "host undrain" => OperationKind::Host(HostOperation::Undrain),
            _ => return None,
        })
    }

    /// Adds the arguments that [`Flat::intercepting`] takes.
    pub(super) fn with_intercepting(self, kind: &OperationKind) -> Self {
        match kind {
            OperationKind::App(AppOperation::Maintenance(maintenance)) => {
                let maintenance = maintenance.clone();
                Self {
                    by: Some(maintenance.by),
                    message: maintenance.message,
                    retry_after: maintenance.retry_after,
                    page: maintenance.page,
                    allow: maintenance.allow,
                    except: maintenance.except,
                    ..self
                }
            }
            OperationKind::Host(HostOperation::Drain(by)) => Self {
                by: Some(by.clone()),
                ..self
            },
            _ => self,
        }
    }
}
