//! Whether layout is written in inline and block directions, so that Arabic mirrors by itself.

use super::Fault;
use super::source::File;

/// Properties that name a side of the screen, and values that do.
const PHYSICAL: &[&str] = &[
    "left",
    "right",
    "margin-left",
    "margin-right",
    "padding-left",
    "padding-right",
    "border-left",
    "border-right",
    "border-top-left-radius",
    "border-top-right-radius",
    "border-bottom-left-radius",
    "border-bottom-right-radius",
    "scroll-margin-left",
    "scroll-margin-right",
    "scroll-padding-left",
    "scroll-padding-right",
];
const WITH_SIDES: &[&str] = &["text-align", "float", "clear"];

/// Looks at style sheets and the styles of components.
pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("web-client/")) {
        let mut in_style = file.path.ends_with(".css");
        let has_styles =
            in_style || file.path.ends_with(".svelte") || file.path.ends_with(".html");
        for (text, line) in file.text.lines().zip(1..).filter(|_| has_styles) {
            in_style |= text.contains("<style");
            in_style &= !text.contains("</style");
            for property in
                text.split(['{', ';', '}']).filter(|_| in_style).filter_map(physical)
            {
                let what =
                    format!("`{property}` does not mirror: use inline-start or inline-end");
                faults.push(Fault::at(file, line, what));
            }
        }
    }
    faults
}

fn physical(declaration: &str) -> Option<&str> {
    let (property, value) = declaration.split_once(':')?;
    let (property, value) = (property.trim(), value.trim());
    let has_side = WITH_SIDES.contains(&property) && matches!(value, "left" | "right");
    (PHYSICAL.contains(&property) || has_side).then(|| declaration.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_of_the_screen_is_a_fault() {
        let faults = |path: &str, text: &str| check(&[File::new(path, text.to_owned())]).len();
        assert_eq!(
            faults("web-client/a.css", "a { margin-inline-start: 1px; color: red }\n"),
            0
        );
        assert_eq!(faults("web-client/a.css", "a { margin-left: 1px }\n"), 1);
        assert_eq!(faults("web-client/a.css", "a {\n  left: 0;\n  text-align: right;\n}\n"), 2);
        assert_eq!(
            faults(
                "web-client/A.svelte",
                "<p>{left: 1}</p>\n<style>\np { right: 0 }\n</style>\n"
            ),
            1
        );
        assert_eq!(faults("docs/a.css", "a { left: 0 }\n"), 0);
    }
}
