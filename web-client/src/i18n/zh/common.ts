// Simplified Chinese, with 您. What every page needs at once.
import type { Of } from "../en";

export const words: Of<"common"> = {
  "lang.label": "语言",

  "exit.label": "快速离开",

  "title.client": "预约",
  "title.desk": "工作台",

  "skip": "跳到正文",

  "loading": "请稍候…",

  "code": "给协助人员的代码：{code}",

  "dialog.close": "关闭",

  "device.camera.denied": "我们不能使用您的摄像头。您可以不用它继续，也可以在浏览器设置中允许本页使用。",
  "device.camera.absent": "没有找到摄像头。您可以不用它继续。",
  "device.camera.busy": "无法连接您的摄像头，可能有其他程序正在使用。您可以不用它继续。",
  "device.microphone.denied": "我们不能使用您的麦克风。您仍可以听和打字，也可以在浏览器设置中允许本页使用。",
  "device.microphone.absent": "没有找到麦克风。您仍可以听和打字。",
  "device.microphone.busy": "无法连接您的麦克风，可能有其他程序正在使用。您仍可以听和打字。",

  "notice.bad_link.title": "链接不完整",
  "notice.bad_link.text": "可能有一部分被截断了。请重新打开完整的链接，或请咨询师再发一次。",
  "notice.no_link.title": "请重新打开您的链接",
  "notice.no_link.text": "为了您的安全，页面重新加载后会忘记链接。请打开含有链接的消息，再点一次。",
  "notice.unsupported.title": "此浏览器无法保证私密",
  "notice.unsupported.text": "它缺少为画面和声音加密所需的功能。请使用较新的 Chrome、Edge、Firefox 或 Safari，或换一台设备。",
  "notice.needs_setup.title": "尚未设置",
  "notice.needs_setup.text": "此服务器还没有账户。请打开它启动时显示的设置链接。",
  "notice.offline.title": "无法连接服务器",
  "notice.offline.text": "请检查网络后再试一次。",
  "notice.setup_done.title": "已经设置好了",
  "notice.setup_done.text": "此服务器已有第一个账户。请登录。",
  "notice.failed.title": "无法安全地开始",
  "notice.failed.text": "页面的一部分没有正常工作，因此没有发送任何内容。请重新加载页面或换一个浏览器。",
};
