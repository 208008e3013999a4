// Protected blocks of every sort. The exit code tells what came out.
using System;

class Problem : Exception { public int Code; public Problem(int code) { Code = code; } }
class Worse : Problem { public Worse(int code) : base(code * 2) { } }

class Resource : IDisposable { public static int Open; public Resource() { Open++; } public void Dispose() { Open--; } }

class Lazy { public static int Value = Program.Fail(0) / Program.Zero; }

static class Program {
    public static int Zero;
    static int log;

    public static int Fail(int kind) {
        switch (kind) {
            case 1: throw new Problem(3);
            case 2: throw new Worse(4);
            case 3: return log / Zero;
            case 4: { int[] none = null; return none.Length; }
            case 5: return new int[1][][1].Length;
            case 6: { object o = "x"; return (int)o; }
            case 7: throw new InvalidOperationException("no", new Problem(1));
        }
        return 1;
    }

    static int Nested(int kind) {
        try {
            try { return Fail(kind); }
            catch (Worse w) when (w.Code > 5) { log += w.Code; throw; }
            catch (Problem p) { log += p.Code; }
            finally { log += 100; }
            using (new Resource()) { log += Resource.Open; Fail(kind + 1); }
        }
        catch (DivideByZeroException) { log += 7; }
        catch (NullReferenceException) { log += 8; return 2; }
        catch (IndexOutOfRangeException) { log += 9; }
        catch (Exception e) { log += e is Problem ? 10 : e.InnerException == null ? 11 : 12; }
        finally { log++; }
        return 3;
    }

    static int Loops() {
        int n = 0;
        for (int i = 0; i < 10; i++) {
            try { if (i == 3) continue; if (i == 7) break; n += i; if (i == 5) Fail(1); }
            catch (Problem) { n += 50; try { Fail(2); } catch (Worse) { n++; } finally { n += 2; } }
            finally { n += 3; }
        }
        return n;
    }

    static int Deep(int n) { try { return n == 0 ? Fail(2) : Deep(n - 1) + 1; } finally { log += n; } }

    static bool Filter(Exception e) { log++; return e is Problem; }

    static int Main() {
        int r = Loops();
        for (int kind = 0; kind < 8; kind++) r += Nested(kind);
        try { r += Deep(5); } catch (Problem p) when (Filter(p) && p.Code == 8) { r += p.Code; }
        try { r += Lazy.Value; } catch (TypeInitializationException e) { r += e.InnerException is DivideByZeroException ? 4 : 5; }
        Action thrower = () => { throw new Worse(r); };
        try { thrower(); } catch (Worse w) { r += w.Code & 3; }
        return (r + log) & 63;
    }
}
