//! PNG and JPEG: colours, sizes, folders.

use image::ExtendedColorType;

use crate::support::*;

#[test]
fn colours() {
    let folder = Folder::new();
    let rgb = folder.put("rgb.png", png(2, 1, &[255, 0, 0, 10, 200, 77]));
    // The values of Pillow's convert("L").
    assert_eq!(values(&rgb, &format(1, 1, 2)), [[76, 129]]);
    assert_eq!(values(&rgb, &format(3, 1, 2)), [[255, 10, 0, 200, 0, 77]]);
    assert_eq!(
        values(&rgb, &format(4, 1, 2)),
        [[255, 10, 0, 200, 0, 77, 255, 255]]
    );
    // A vector has the channels its length leaves.
    assert_eq!(values(&rgb, &flat(2)), [[76, 129]]);
    assert_eq!(values(&rgb, &flat(6)), [[255, 0, 0, 10, 200, 77]]);
    let primaries = [0, 255, 0, 0, 0, 255, 1, 2, 3];
    let path = folder.put("primaries.png", png(3, 1, &primaries));
    assert_eq!(values(&path, &format(1, 1, 3)), [[150, 29, 2]]);
    let grey = folder.put("grey.png", png(2, 1, &[5, 250]));
    assert_eq!(values(&grey, &format(1, 1, 2)), [[5, 250]]);
    assert_eq!(values(&grey, &format(3, 1, 2)), [[5, 250, 5, 250, 5, 250]]);
    // Transparency is dropped, not blended.
    let rgba = folder.put("rgba.png", png(1, 1, &[10, 20, 30, 0]));
    assert_eq!(values(&rgba, &format(3, 1, 1)), [[10, 20, 30]]);
    assert_eq!(values(&rgba, &format(4, 1, 1)), [[10, 20, 30, 0]]);
    let grey_alpha = folder.put("la.png", png(1, 1, &[9, 0]));
    assert_eq!(values(&grey_alpha, &format(1, 1, 1)), [[9]]);
    let deep = folder.put("deep.png", encoded(1, 1, &[1, 2], ExtendedColorType::L16));
    refused(read(&deep, None, &format(1, 1, 1)), &["deep.png", "8 bits"]);
}

#[test]
fn resized_as_by_pillow() {
    let folder = Folder::new();
    let (width, height) = (12, 10);
    let pixels: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).map(move |x| ((x * 37 + y * 59 + x * y * 7) % 256) as u8))
        .collect();
    let path = folder.put("a.png", png(width, height, &pixels));
    // Pillow 13: Image.fromarray(a).resize((columns, rows), Image.BICUBIC), then the centre 4x3.
    let small = [112, 123, 117, 126, 151, 149, 123, 148, 117, 164, 142, 135];
    let large = [214, 76, 77, 143, 136, 82, 179, 115, 83, 179, 189, 60];
    for (rows, columns, wanted) in [(5, 6, small), (13, 14, large)] {
        let found = values(&path, &resized(format(1, 3, 4), rows, columns)).remove(0);
        // Equal: the passes are those of Pillow, and PNG loses nothing.
        assert_eq!(found, wanted, "{rows}x{columns}");
    }
    // The right size already: only cut.
    let cut = values(&path, &resized(format(1, 2, 2), 10, 12)).remove(0);
    let at = |y: usize, x: usize| i32::from(pixels[y * 12 + x]);
    assert_eq!(cut, [at(4, 5), at(4, 6), at(5, 5), at(5, 6)]);
    let sizes = resized(format(1, 3, 4), 2, 4);
    refused(
        read(&path, None, &sizes),
        &["2 rows and 4 columns", "1x3x4"],
    );
    let sizes = resized(format(1, 3, 4), usize::MAX, usize::MAX);
    refused(read(&path, None, &sizes), &["cannot be resized"]);
    assert_eq!(values(&path, &resized(flat(60), 4, 5))[0].len(), 60);
    refused(read(&path, None, &resized(flat(61), 4, 5)), &["1x1"]);
}

#[test]
fn wrong_sizes() {
    let folder = Folder::new();
    let path = folder.put("wide.png", png(3, 2, &[0; 6]));
    let parts = ["wide.png", "3x2 pixels", "wants 3x3", "--resize"];
    refused(read(&path, None, &format(1, 3, 3)), &parts);
    refused(
        read(&path, None, &flat(7)),
        &["wide.png", "3x2", "7 values"],
    );
    refused(read(&path, None, &format(2, 2, 3)), &["2 channels", ".npy"]);
}

#[test]
fn folders() {
    let folder = Folder::new();
    let pixel = |v: u8| png(1, 1, &[v]);
    let f = format(1, 1, 1);
    let root = folder.path().join("set");
    refused(read(&root, None, &f), &["set"]);
    folder.put("set/README.md", "no image");
    folder.put("set/.hidden.png", "no image");
    refused(read(&root, None, &f), &["set", "0 PNG or JPEG"]);
    folder.put("set/b.png", pixel(2));
    folder.put("set/a.PNG", pixel(1));
    folder.put("set/c.png", pixel(3));
    let samples = read(&root, None, &f).unwrap();
    assert_eq!(
        samples.iter().map(|s| s.values[0]).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(samples.iter().all(|s| s.label.is_none()));
    // A file of labels, with and without header, in both orders of the columns.
    for text in [
        "a.PNG,7\nb.png,8\nc.png,9\n",
        "file,label\nc.png,9\nb.png, 8\na.PNG,7",
        "\u{feff}label,file\r\n9,c.png\r\n\r\n8,b.png\r\n7,a.PNG\r\n",
        "7\n8\n9\n",
        "label\n7\n8\n9",
    ] {
        folder.put("set/labels.csv", text);
        assert_eq!(
            labels(&read(&root, None, &f).unwrap()),
            [7, 8, 9],
            "{text:?}"
        );
    }
    // A file the caller names goes before it.
    let other = folder.put("other.txt", "1\n2\n3");
    assert_eq!(labels(&read(&root, Some(&other), &f).unwrap()), [1, 2, 3]);
    for (text, parts) in [
        ("a.PNG,7\nb.png,8\n", &["c.png", "no label"][..]),
        (
            "a.PNG,7\nb.png,8\nc.png,9\nd.png,1",
            &["4 labels for 3 images"],
        ),
        ("a.PNG,7\na.PNG,7\nb.png,8", &["line 2", "'a.PNG' again"]),
        ("a.PNG,7\nb.png,-8\nc.png,9", &["line 2", "-8"]),
        ("a.PNG,7\nb.png,x\nc.png,9", &["line 2", "'x'"]),
        ("a.PNG,7\nb.png\nc.png,9", &["line 2", "1 columns"]),
        ("a,b,label\na.PNG,7,1", &["line 2", "3 columns"]),
        ("7\n8\n", &["2 labels for 3 images"]),
        ("label\n", &["no label"]),
    ] {
        folder.put("set/labels.csv", text);
        refused(read(&root, None, &f), parts);
    }
}

#[test]
fn folders_of_classes() {
    let folder = Folder::new();
    let pixel = |v: u8| png(1, 1, &[v]);
    let f = format(1, 1, 1);
    for (name, v) in [("dog/x.png", 3), ("cat/y.png", 2), ("cat/x.png", 1)] {
        folder.put(&format!("named/{name}"), pixel(v));
        let number = name.replace("dog", "10").replace("cat", "9");
        folder.put(&format!("numbered/{number}"), pixel(v));
    }
    let named = folder.path().join("named");
    let samples = read(&named, None, &f).unwrap();
    assert_eq!(
        samples.iter().map(|s| s.values[0]).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(labels(&samples), [0, 0, 1]);
    // "10" is before "9" in the order of names.
    let samples = read(&folder.path().join("numbered"), None, &f).unwrap();
    assert_eq!(
        samples.iter().map(|s| s.values[0]).collect::<Vec<_>>(),
        [3, 1, 2]
    );
    assert_eq!(labels(&samples), [10, 9, 9]);
    folder.put("named/bird/note.txt", "");
    refused(read(&named, None, &f), &["'bird' has no image"]);
    folder.put("named/z.png", pixel(9));
    refused(
        read(&named, None, &f),
        &["both in the folder and in its sub-folders"],
    );
    folder.put("mixed/00_1.png", pixel(1));
    folder.put("mixed/one.png", pixel(1));
    refused(
        read(&folder.path().join("mixed"), None, &f),
        &["00_1.png", "one.png"],
    );
}
