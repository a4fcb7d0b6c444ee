//! Does a store keep its promises?
