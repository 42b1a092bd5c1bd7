//! Options that several jobs have, from the arguments that several verbs have.

use pleat_jobs::{ClassOptions, DataOptions, Form, InputLayout, StatementKind};

use crate::args::{self, ClassArgs, DataArgs, FormKind, Layout};

impl From<&ClassArgs> for ClassOptions {
    fn from(args: &ClassArgs) -> Self {
        Self {
            memory: args.memory,
            size_class: args.size_class,
            form: args.form.into(),
        }
    }
}

impl From<FormKind> for Form {
    fn from(form: FormKind) -> Self {
        match form {
            FormKind::Spartan => Self::Spartan,
            FormKind::Micro => Self::MicroSpartan,
        }
    }
}

impl From<&DataArgs> for DataOptions {
    fn from(args: &DataArgs) -> Self {
        Self {
            path: args.data.clone(),
            labels: args.labels.clone(),
            limit: args.limit,
            offset: args.offset,
        }
    }
}

impl From<args::StatementKind> for StatementKind {
    fn from(kind: args::StatementKind) -> Self {
        match kind {
            args::StatementKind::Accuracy => Self::Accuracy,
            args::StatementKind::Outputs => Self::Outputs,
        }
    }
}

impl From<Layout> for InputLayout {
    fn from(l: Layout) -> Self {
        match l {
            Layout::Chw => Self::Chw,
            Layout::Hwc => Self::Hwc,
            Layout::Whc => Self::Whc,
            Layout::Cwh => Self::Cwh,
            Layout::Flat => Self::Flat,
        }
    }
}
