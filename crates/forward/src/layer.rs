//! Which quality of a track a subscriber gets.
//!
//! There is one quality for now.  This is the place where simulcast and bandwidth allocation
//! will choose: one file per strategy behind [`LayerSelector`].

/// One quality of a track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer {
    /// Size of the picture, from the smallest.
    pub spatial: u8,
    /// Frames per second, from the fewest.
    pub temporal: u8,
}

/// Chooses the layer for one subscriber.
pub trait LayerSelector {
    /// Whether a packet of `layer` goes to the subscriber.
    fn wants(&self, layer: Layer) -> bool;
}

/// The strategy when there is nothing to choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnlyLayer;

impl LayerSelector for OnlyLayer {
    fn wants(&self, layer: Layer) -> bool {
        layer == Layer::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_layer_is_wanted_and_no_other() {
        assert!(OnlyLayer.wants(Layer::default()));
        assert!(!OnlyLayer.wants(Layer { spatial: 1, temporal: 0 }));
    }
}
