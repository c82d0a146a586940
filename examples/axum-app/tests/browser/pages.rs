//! Every page: on a phone and a smaller one, in light and dark, by keyboard, and for a screen reader.

use std::time::Duration;

use fantoccini::key::Key;
use fantoccini::{Client, Locator};
use serde_json::json;

use crate::{Browser, PASSWORD, Site};

/// In CSS pixels. WCAG 2.2 asks for no scrolling in two dimensions down to 320.
const WIDTHS: [u64; 2] = [390, 320];

#[tokio::test]
async fn the_pages_fit_a_small_screen_in_light_and_dark() {
    let Some(site) = Site::open().await else {
        return;
    };
    for (scheme, setting) in [("dark", "0"), ("light", "1")] {
        for width in WIDTHS {
            let screen = json!({ "mobileEmulation": {
                "deviceMetrics": { "width": width, "height": 844, "pixelRatio": 2 }
            } });
            let setting = format!("--blink-settings=preferredColorScheme={setting}");
            let phone = site.browser_with(&[&setting], screen).await;
            let query = format!("return matchMedia('(prefers-color-scheme: {scheme})').matches");
            assert_eq!(phone.script(&query).await, true);
            let luminance =
                "return getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 128";
            assert_eq!(phone.script(luminance).await, scheme == "dark");
            phone.sees_all_pages(&site, width).await;
        }
    }
}

/// The setting of the page wins over that of the system.
#[tokio::test]
async fn the_pages_are_legible_in_the_colours_that_the_visitor_chooses() {
    let Some(site) = Site::open().await else {
        return;
    };
    let setting = "--blink-settings=preferredColorScheme=1";
    let browser = site.browser_with(&[setting], json!({})).await;
    browser.press("dark").await;
    let pressed = "//button[@value='dark'][@aria-pressed='true']";
    let pressed = browser.0.wait().for_element(Locator::XPath(pressed)).await;
    pressed.unwrap();
    let dark = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 128";
    assert_eq!(browser.script(dark).await, true);
    browser.is_legible().await;
    browser.log_in("ada").await;
    assert_eq!(browser.script(dark).await, true);
    browser.is_legible().await;
}

#[tokio::test]
async fn a_user_names_a_device_by_keyboard() {
    let Some(site) = Site::open().await else {
        return;
    };
    let browser = site.logged_in("ada").await;
    browser.tab_to("Skip to the content").await;
    browser.type_keys(&Key::Enter.to_string()).await;
    let at = "return document.activeElement.localName";
    assert_eq!(browser.script(at).await, "main");
    browser.tab_to("Rename").await;
    browser.type_keys(&Key::Enter.to_string()).await;
    browser.tab_to("Name of this device").await;
    browser.type_keys(&format!("My laptop{}", Key::Enter)).await;
    browser.shows("My laptop this one").await;
}

impl Browser {
    /// Goes from page to page, also those of mistakes, and checks each.
    async fn sees_all_pages(&self, site: &Site, width: u64) {
        self.is_good(width).await;
        // The longest text that the forms allow, without a space.
        let (name, item) = ("w".repeat(64), "m".repeat(100));
        self.log_in(&name).await;
        for item in ["tea", &item] {
            self.fill("item", item).await;
            self.press("Add").await;
            self.shows(item).await;
        }
        // Another device of the same user, so that all buttons are on the page.
        site.logged_in(&name).await;
        self.reload().await;
        self.shows("Log out everywhere").await;
        self.click("//summary").await;
        let device = "n".repeat(40);
        self.fill("name", &device).await;
        self.is_good(width).await;
        self.press("Save").await;
        self.shows(&device).await;
        self.is_good(width).await;

        site.clock.advance(Duration::from_secs(11 * 60));
        self.press("Log out everywhere").await;
        self.shows("Confirm that it is you").await;
        self.is_good(width).await;
        self.fill("user", "x").await;
        self.press("Log out everywhere").await;
        self.shows("That is not your name.").await;
        self.is_good(width).await;

        for path in ["/item", "/nowhere", "/admin"] {
            self.goto_path(site, path).await;
            self.is_good(width).await;
        }
        self.fill("password", "x").await;
        self.press("Log in").await;
        self.shows("That is not the password.").await;
        self.is_good(width).await;
        self.fill("password", PASSWORD).await;
        self.press("Log in").await;
        self.shows("Find sessions").await;
        self.fill("user", &name).await;
        self.press("Find sessions").await;
        self.shows("End all").await;
        self.press("Change role").await;
        self.shows("is member in 2 sessions").await;
        self.is_good(width).await;
        self.press("End all").await;
        self.shows("There are none.").await;
        self.is_good(width).await;
    }

    async fn goto_path(&self, site: &Site, path: &str) {
        let url = format!("{}{path}", site.url);
        self.0.goto(&url).await.unwrap();
    }

    async fn is_good(&self, width: u64) {
        self.fits(width).await;
        self.is_legible().await;
        self.is_labelled().await;
    }

    /// The page is as wide as the screen, and nothing on it is wider.
    async fn fits(&self, width: u64) {
        let wide = format!(
            "const wide = [...document.querySelectorAll('body *')]
                .filter(element => element.getBoundingClientRect().right > {width})
                .map(element => element.outerHTML.slice(0, 80));
            return [document.documentElement.scrollWidth, wide]"
        );
        assert_eq!(self.script(&wide).await, json!([width, []]));
    }

    /// WCAG 2.2: text has a contrast of 4.5 (1.4.3), and the border of a field one of 3 (1.4.11).
    async fn is_legible(&self) {
        assert_eq!(self.script(CONTRAST).await, json!([]));
    }

    /// What a screen reader needs: names, which tell one button from another, and headings in order.
    async fn is_labelled(&self) {
        assert_eq!(self.script(LABELS).await, json!([]));
    }

    /// Presses Tab until the focus, which has to be visible, is on the element with this name or text.
    async fn tab_to(&self, name: &str) {
        for _ in 0..40 {
            self.type_keys(&Key::Tab.to_string()).await;
            let focus = self.script(FOCUS).await;
            assert_eq!(focus["visible"], true, "{focus}");
            if focus["text"] == name {
                return;
            }
        }
        panic!("no Tab leads to {name}");
    }

    async fn type_keys(&self, keys: &str) {
        let client: &Client = &self.0;
        client
            .active_element()
            .await
            .unwrap()
            .send_keys(keys)
            .await
            .unwrap();
    }
}

const FOCUS: &str = "
    const element = document.activeElement, style = getComputedStyle(element);
    return {
        text: (element.labels?.[0] ?? element).textContent.trim(),
        visible: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    };";

const CONTRAST: &str = r"
    const parts = color => color.match(/[\d.]+/g).map(Number);
    const luminance = color => {
        const [r, g, b] = parts(color).map(part => part / 255)
            .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (a, b) => {
        const [dark, light] = [luminance(a), luminance(b)].sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
    };
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            const alpha = parts(color)[3] ?? 1;
            if (alpha === 1) return color;
            if (alpha !== 0) throw new Error(`${color} is half transparent`);
        }
        throw new Error('the page has no background');
    };
    const faults = [];
    let seen = 0;
    const check = (what, element, color, background, least) => {
        seen += 1;
        const found = ratio(color, background);
        if (found < least) faults.push(`${what} ${found.toFixed(2)} ${element.outerHTML.slice(0, 80)}`);
    };
    for (const element of document.querySelectorAll('body *')) {
        const style = getComputedStyle(element);
        const isField = element.matches('input:not([type=hidden]), textarea, select');
        const hasText = [...element.childNodes]
            .some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if (hasText || isField) check('text', element, style.color, behind(element), 4.5);
        if (element.placeholder) {
            check('placeholder', element, getComputedStyle(element, '::placeholder').color, behind(element), 4.5);
        }
        if (isField && element.type !== 'checkbox') {
            check('border', element, style.borderTopColor, behind(element.parentElement), 3);
        }
    }
    if (seen < 5) faults.push('there is almost no text');
    return faults;";

const LABELS: &str = r"
    const faults = [];
    const all = selector => [...document.querySelectorAll(selector)];
    const show = element => element.outerHTML.slice(0, 120);
    const named = id => document.getElementById(id)?.textContent.trim();
    const name = element => element.ariaLabel
        || (element.labels?.length ? element.labels[0].textContent : element.textContent).trim();
    for (const field of all('input:not([type=hidden]), select, textarea')) {
        if (!field.ariaLabel && !field.labels[0]?.textContent.trim()) faults.push(`no label: ${show(field)}`);
    }
    const names = new Set();
    for (const control of all('button, summary, a')) {
        if (!name(control)) faults.push(`no name: ${show(control)}`);
        if (control.localName !== 'a' && names.has(name(control))) faults.push(`two of one name: ${show(control)}`);
        names.add(name(control));
    }
    const ids = all('[id]').map(element => element.id);
    for (const id of ids) if (ids.filter(other => other === id).length > 1) faults.push(`two ids: ${id}`);
    for (const attribute of ['aria-labelledby', 'aria-describedby']) {
        for (const element of all(`[${attribute}]`)) {
            if (!named(element.getAttribute(attribute))) faults.push(`${attribute}: ${show(element)}`);
        }
    }
    for (const message of all('.notice')) if (message.role !== 'status') faults.push(`no status: ${show(message)}`);
    for (const message of all('.mistake')) if (message.role !== 'alert') faults.push(`no alert: ${show(message)}`);
    const levels = all('h1, h2, h3, h4').map(heading => Number(heading.localName[1]));
    if (levels[0] !== 1 || levels.filter(level => level === 1).length !== 1) faults.push(`headings: ${levels}`);
    if (levels.some((level, at) => at > 0 && level > levels[at - 1] + 1)) faults.push(`headings: ${levels}`);
    for (const selector of ['main', 'header', 'footer', 'html[lang]', 'title']) {
        if (all(selector).length !== 1) faults.push(`not one ${selector}`);
    }
    if (all('script').length) faults.push('a script');
    return faults;";
