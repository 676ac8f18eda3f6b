//! The registry of the forms of model: a line a form, with its names, its model, and the settings of its fit.

/// Hands the forms to a macro, which makes something of every one of them.
///
/// A new form is a folder in `model/`, a file in `fit/`, and a line here. The names of the types are looked up where the list is used.
macro_rules! with_forms {
    ($make:ident) => {
        $make! {
            /// The controlled latent ODE, where the learning rate drives the dynamics.
            Controlled = "controlled", ControlledLatentOde, ControlledFit;
            /// The law with a handful of parameters, for few runs.
            Law = "law", LawModel, LawFit;
            /// The paper's path-minimised latent ODE, where the learning rate is an output.
            Paper = "paper" | "latent-ode", PaperLatentOde, PaperFit;
        }
    };
}

pub(crate) use with_forms;
