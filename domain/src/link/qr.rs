//! QR codes as pictures. Pure.

use qrcode::{QrCode, render::svg::Color};

/// Pixels a picture is wide and high at least; it can be drawn at any size.
const LEAST: u32 = 256;

/// The QR code of `text` as SVG, in black on white with the quiet zone around it; nothing if the text is too
/// long for one. About 15 % of it may be covered or damaged.
pub fn svg(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let picture = code
        .render::<Color<'_>>()
        .min_dimensions(LEAST, LEAST)
        .build();
    Some(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_one_picture_without_anything_from_elsewhere() {
        let picture = svg("https://enishi.example/l/spring?qr").unwrap();
        assert!(picture.contains("<svg ") && picture.ends_with("</svg>"));
        assert!(!picture.contains("<script") && !picture.contains("href"));
        assert_ne!(Some(picture), svg("https://enishi.example/l/summer?qr"));
        assert_eq!(svg(&"a".repeat(5_000)), None);
    }
}
