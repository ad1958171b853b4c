// vitepress's own theme with the system's fonts, and a few rules for our tables and charts.
// No component of our own.

import theme from 'vitepress/theme-without-fonts';
import './style.css';

export default theme;
