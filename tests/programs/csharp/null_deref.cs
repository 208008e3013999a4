//! flags: -optimize+
using System;

struct Big { public long A, B, C, D; }

class Node
{
    public int Int;
    public long Long;
    public byte Byte;
    public double Double;
    public string Text;
    public Node Next;
    public Big Big;
    public Big[] Bigs;
    public int Plain() { return 5; }
    public int UsesThis() { return Int; }
    public virtual int Virtual() { return 6; }
    public int Property { get { return Int; } set { Int = value; } }
    public int this[int i] { get { return i; } }
}

sealed class Sealed : Node { public override int Virtual() { return 7; } }
class Generic<T> { public T Value; public virtual U Get<U>(U x) { return x; } }
interface IThing { int Do(); }
struct Thing : IThing { public int X; public int Do() { return X; } }
class Large { public Filler A; public int Last; }
unsafe struct Filler { public fixed long Words[2000]; }

unsafe class NullDeref
{
    static int count;

    static void Expect(string what, Action action)
    {
        try
        {
            action();
            Console.WriteLine(what + " went through");
        }
        catch (NullReferenceException)
        {
            count++;
            Console.WriteLine(what + " is null");
        }
    }

    static Big GetBig(Node n) { return n.Big; }
    static void SetBig(Node n, Big b) { n.Big = b; }
    static ref int RefTo(Node n) { return ref n.Int; }
    static void Take(ref int x) { x = 1; }
    static void TakeBig(ref Big b) { b.D = 1; }
    static T Id<T>(T x) { return x; }
    static int CallThing<T>(T t) where T : IThing { return t.Do(); }
    static string CallText<T>(T t) { return t.ToString(); }

    static int InLoop(Node[] nodes)
    {
        int sum = 0;
        for (int i = 0; i < nodes.Length; i++)
        {
            try { sum += nodes[i].Int; }
            catch (NullReferenceException) { sum += 1000; }
        }
        return sum;
    }

    static int NotProtected(Node n)
    {
        int before = count;
        count++;
        int x = n.Int;
        count += 100;
        return x + before;
    }

    static void Main()
    {
        Node none = null, next = new Node();
        Sealed noSealed = null;
        Generic<string> noGeneric = null;
        IThing noThing = null;
        Action noAction = null;
        int[] noInts = null;
        string[] noTexts = null;
        Big[] noBigs = null;
        int[,] noGrid = null;
        string noText = null;
        object noObject = null;
        Large noLarge = null;
        int sink = 0;

        Expect("load int", () => sink = none.Int);
        Expect("load long", () => sink = (int)none.Long);
        Expect("load byte", () => sink = none.Byte);
        Expect("load double", () => sink = (int)none.Double);
        Expect("load text", () => sink = none.Text.Length);
        Expect("load next", () => sink = next.Next.Int);
        Expect("load struct", () => sink = (int)GetBig(none).A);
        Expect("load struct field", () => sink = (int)none.Big.C);
        Expect("store int", () => none.Int = 5);
        Expect("store double", () => none.Double = 5);
        Expect("store text", () => none.Text = "x");
        Expect("store null", () => none.Next = null);
        Expect("store struct", () => SetBig(none, new Big()));
        Expect("update", () => none.Int++);
        Expect("address", () => Take(ref none.Int));
        Expect("struct address", () => TakeBig(ref none.Big));
        Expect("ref return", () => RefTo(none)++);
        Expect("plain call", () => sink = none.Plain());
        Expect("plain call with this", () => sink = none.UsesThis());
        Expect("virtual call", () => sink = none.Virtual());
        Expect("sealed call", () => sink = noSealed.Virtual());
        Expect("property", () => sink = none.Property);
        Expect("property set", () => none.Property = 3);
        Expect("indexer", () => sink = none[3]);
        Expect("interface call", () => sink = noThing.Do());
        Expect("generic virtual", () => noGeneric.Get("x"));
        Expect("generic field", () => noGeneric.Value = "x");
        Expect("delegate", () => noAction());
        Expect("array load", () => sink = noInts[0]);
        Expect("array store", () => noInts[0] = 1);
        Expect("array length", () => sink = noInts.Length);
        Expect("reference array load", () => sink = noTexts[1].Length);
        Expect("reference array store", () => noTexts[1] = "x");
        Expect("element null", () => sink = new string[1][0].Length);
        Expect("struct array", () => noBigs[2].A = 1);
        Expect("struct array in null", () => none.Bigs[2].A = 1);
        Expect("null array in object", () => next.Bigs[0].A++);
        Expect("grid load", () => sink = noGrid[1, 1]);
        Expect("grid store", () => noGrid[1, 1] = 1);
        Expect("string length", () => sink = noText.Length);
        Expect("string char", () => sink = noText[0]);
        Expect("string call", () => noText.Trim());
        Expect("to string", () => noObject.ToString());
        Expect("get type", () => noObject.GetType());
        Expect("get hash", () => noObject.GetHashCode());
        Expect("equals", () => noObject.Equals(noObject));
        Expect("unbox", () => sink = (int)noObject);
        Expect("unbox struct", () => sink = ((Thing)noObject).X);
        Expect("foreach", () => { foreach (int x in noInts) sink = x; });
        Expect("generic constrained", () => sink = CallThing(noThing));
        Expect("generic text", () => CallText(noText));
        Expect("generic id", () => Id(none).Int = 1);
        Expect("far field", () => sink = noLarge.Last);
        Expect("far store", () => noLarge.Last = 1);
        Expect("throw", () => { Exception e = null; throw e; });
        Expect("lock", () => { try { lock (noObject) sink = 1; } catch (ArgumentNullException) { throw new NullReferenceException(); } });
        Expect("pointer load", () => { int* p = null; sink = *p; });
        Expect("pointer store", () => { long* p = null; p[3] = 1; });
        Expect("cast", () => { sink = ((Sealed)none == null) ? 1 : 2; });
        Expect("is", () => sink = noObject is string ? 1 : 2);
        Console.WriteLine(count);
        Console.WriteLine(InLoop(new Node[] { new Node { Int = 5 }, null, new Node { Int = 7 }, null }));
        try { NotProtected(null); }
        catch (NullReferenceException) { Console.WriteLine("unprotected " + count); }
        Console.WriteLine(NotProtected(new Node { Int = 3 }));
    }
}
