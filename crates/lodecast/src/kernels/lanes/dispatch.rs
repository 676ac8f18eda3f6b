//! The choice of lanes for the machine that the program runs on.

use super::portable::Portable;
use super::vector::{Lanes, Real};
#[cfg(target_arch = "x86_64")]
use super::x86::{self, Avx2F32, Avx2F64, Avx512F32, Avx512F64};

/// Work that is generic over the lanes it runs on.
pub(crate) trait LaneKernel<R: Real> {
    type Output;
    fn run<L: Lanes<Real = R>>(self) -> Self::Output;
}

/// A scalar type together with the choice of lanes for this machine.
pub(crate) trait Dispatch: Real {
    /// Runs `kernel` on the widest lanes that this machine supports.
    fn dispatch<K: LaneKernel<Self>>(kernel: K) -> K::Output;
}

macro_rules! dispatch {
    ($real:ty, $count:literal, $avx512:ident, $avx2:ident) => {
        impl Dispatch for $real {
            fn dispatch<K: LaneKernel<Self>>(kernel: K) -> K::Output {
                #[cfg(target_arch = "x86_64")]
                match x86::instruction_set() {
                    x86::InstructionSet::Avx512 => return kernel.run::<$avx512>(),
                    x86::InstructionSet::Avx2 => return kernel.run::<$avx2>(),
                    x86::InstructionSet::Other => {}
                }
                kernel.run::<Portable<$real, $count>>()
            }
        }
    };
}
dispatch!(f32, 16, Avx512F32, Avx2F32);
dispatch!(f64, 8, Avx512F64, Avx2F64);
